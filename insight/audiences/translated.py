"""The members of an audience by the ID that a dataset knows its users by, translated where that is another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.warehouse import get_engine
from insight.audiences import queries
from insight.audiences.identities import Identity, identity_of_version
from insight.audiences.models import AudienceVersion
from insight.audiences.translating import USER, Translator
from insight.datasources.models import LAKE
from insight.oneid import queries as oneid


@dataclass(frozen=True)
class Members:
    """Members of a version; with a translator by their IDs of the type `to`. `mark` is that of the identities."""

    version: AudienceVersion
    translator: Translator | None = None
    to: str = ""
    mark: str = ""

    @property
    def key(self) -> str:
        """Equal for equal people, as a part of the names of cached figures."""
        return f"{self.version.pk}/{self.to}/{self.mark}"

    @property
    def people(self) -> ibis.Table:
        """(user_unique_id), each once."""
        own = queries.members(self.version).select(USER)
        return self.translator.translated(own, self.to) if self.translator else own

    def condition(self) -> dict[str, Any]:
        """The members as a condition of a rule."""
        leaf: dict[str, Any] = {"kind": "audience", "audience": self.version.audience_id}
        return {**leaf, "map": {"to": self.to}} if self.translator else leaf

    def translation(self) -> dict[str, Any] | None:
        """`{"audience", "name", "to", "label", "unmatched"}`: how many could not be translated; None without one."""
        if self.translator is None:
            return None
        lost = self.translator.unmatched(queries.members(self.version).select(USER), self.to)
        return {
            "audience": self.version.audience_id,
            "name": self.version.audience.name,
            "to": self.to,
            "label": str(ID_TYPES[self.to].label),
            "unmatched": int(get_engine().scalar(lost.count())),
        }


def members_by(
    version: AudienceVersion, wanted: Identity, *, translate: bool, field: str = "audience"
) -> Members:
    """The members as a dataset knows them.

    Where it knows its users by another ID they are translated if that is asked for. Raises ValidationFailed otherwise,
    with `translations` as rules have it where that would do; `no_identities` (409) where there is nothing to translate
    with.
    """
    own = identity_of_version(version)
    if own == wanted:
        return Members(version)
    graph = oneid.current_graph(version.workspace) if translatable(version, wanted) else None
    if graph is not None and translate:
        translator = Translator(oneid.map_table(graph), own.id_type, own.encryption)
        return Members(version, translator, wanted.id_type, f"{graph.pk} {graph.version}")
    if translate and translatable(version, wanted):
        message = _("The identities have not been computed yet: set them up and start a run.")
        raise ValidationFailed(message, code="no_identities", status=409, errors={field: [message]})
    more: dict[str, Any] = {}
    advice = _("Choose an audience with the dataset's user identifier.")
    if graph is not None:
        label = str(ID_TYPES[wanted.id_type].label)
        more["translations"] = {field: {"to": wanted.id_type, "label": label}}
        advice = _("The audience knows its people by %(own)s. Translate it to %(wanted)s.") % {
            "own": own.label,
            "wanted": wanted.label,
        }
    raise ValidationFailed(
        _("The audience and the dataset know their users by different IDs."),
        errors={field: [advice]},
        **more,
    )


def translatable(version: AudienceVersion, wanted: Identity) -> bool:
    """Whether identities could lead from the one to the other: a translation keeps the form, and lives in the lake."""
    own = identity_of_version(version)
    known = own.id_type in ID_TYPES and wanted.id_type in ID_TYPES
    return known and own.encryption == wanted.encryption and version.audience.source == LAKE


def offered(workspace: Any, source: str) -> bool:
    """Whether there are identities to translate with, where a dataset lives."""
    return source == LAKE and oneid.current_graph(workspace) is not None


def is_asked(given: Mapping[str, Any]) -> bool:
    """Whether a request wants a translation: `"translate": true`, in an address `translate=1`."""
    return given.get("translate") in (True, "1")
