"""Which audiences and ID types a form offers, and why not the others: those are shown too, but cannot be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from cdp.core.identifiers import HASHED_FORMS, ID_TYPES
from insight.audiences.models import Audience


class _WithReasons:
    """Shows options that cannot be chosen with `reasons` behind their names; what was chosen before stays choosable."""

    reasons: Mapping[str, str] = {}

    def create_option(
        self, name: str, value: Any, label: Any, selected: bool, *args: Any, **more: Any
    ) -> Any:
        option = super().create_option(name, value, label, selected, *args, **more)  # type: ignore[misc]
        reason = self.reasons.get(str(value))
        if reason and not selected:
            option["label"] = f"{label} – {reason}"
            option["attrs"]["disabled"] = True
        return option


class ReasonedSelect(_WithReasons, forms.Select):
    pass


class ReasonedSelectMultiple(_WithReasons, forms.SelectMultiple):
    pass


def named(id_types: Sequence[str]) -> str:
    return ", ".join(str(ID_TYPES[key].label) for key in id_types)


def is_hashed(audience: Audience, id_type: str) -> bool:
    """Whether the audience knows an ID as a hash only."""
    return audience.current is not None and audience.current.encryption_of(id_type) in HASHED_FORMS


def refusal(audience: Audience, id_types: Sequence[str], *, hashes: bool = False) -> str:
    """Why nobody of an audience can be reached by one of these ID types; empty where somebody may be.

    `hashes`: also by a hash of one.
    """
    held = [key for key in id_types if key == audience.user_id_type or key in audience.save_ids]
    if not held:
        if len(id_types) > 1:
            return _("holds none of the IDs that the channel takes")
        return _("holds no %(types)s") % {"types": named(id_types)}
    if not hashes and all(is_hashed(audience, key) for key in held):
        return _("holds hashes only: %(types)s") % {"types": named(held)}
    return ""
