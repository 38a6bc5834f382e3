"""What a send-out is made of besides its own fields: audiences, audiences that are left out, variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.audiences import visibility
from insight.audiences.models import Audience
from marketing.content.models import Template
from marketing.delivery import targeting
from marketing.delivery.models import SendOut, SendOutAudience, Variant

LEAST, MOST = 2, 4
SINGLE = {"audiences": "audience", "variants": "template"}
"""The field that names one where there is but one."""


@dataclass(frozen=True)
class Share:
    """A variant: a template, and the per cent of the people who get it."""

    template: Template
    share: int


@dataclass(frozen=True)
class Parts:
    """None: as it is."""

    audiences: list[Audience] | None = None
    exclude: list[Audience] | None = None
    variants: list[Share] | None = None

    @property
    def names(self) -> list[str]:
        return [name for name in ("audiences", "exclude", "variants") if getattr(self, name) is not None]


def taken(values: dict[str, Any]) -> tuple[Parts, dict[str, Any]]:
    """The parts among the values of a send-out, and the other values with the first audience and template.

    `audience` alone is one audience, `template` alone one message without variants; beside `audiences` and `variants`
    they say nothing.
    """
    rest = dict(values)
    given = {name: rest.pop(name, None) for name in ("audiences", "exclude", "variants")}
    if given["audiences"] is None and rest.get("audience") is not None:
        given["audiences"] = [rest["audience"]]
    if given["variants"] is None and rest.get("template") is not None:
        given["variants"] = []
    if given["audiences"] is not None:
        given["audiences"] = list(dict.fromkeys(given["audiences"]))
        rest["audience"] = given["audiences"][0] if given["audiences"] else None
    if given["exclude"] is not None:
        given["exclude"] = list(dict.fromkeys(given["exclude"]))
    if given["variants"]:
        rest["template"] = given["variants"][0].template
    return Parts(**given), rest


@dataclass(frozen=True)
class Whole:
    """All parts of a send-out, as they are or would be after a change."""

    audiences: list[Audience]
    exclude: list[Audience]
    variants: list[Share]

    def templates(self, send_out: SendOut) -> list[Template]:
        return [row.template for row in self.variants] or [send_out.template]


def whole(send_out: SendOut, parts: Parts | None = None) -> Whole:
    """The parts that a send-out has, with those in place that are given."""
    parts = parts or Parts()
    has = send_out.audience_id is not None
    return Whole(
        parts.audiences if parts.audiences is not None else targeting.included(send_out) if has else [],
        parts.exclude if parts.exclude is not None else targeting.excluded(send_out),
        parts.variants if parts.variants is not None else shares_of(send_out),
    )


def evenly(count: int) -> list[int]:
    """Shares of so many variants in per cent, as equal as whole numbers can be."""
    return [100 - 100 // count * (count - 1), *[100 // count] * (count - 1)]


def do_not_fit(shares: Sequence[int | None]) -> bool:
    """Whether shares that somebody typed are not 100 together; without any, all get the same."""
    return len(shares) > 1 and any(shares) and (not all(shares) or sum(filter(None, shares)) != 100)


def share_message() -> str:
    return _("Each variant needs a share of at least 1 %; together they are 100 %.")


def shares_of(send_out: SendOut) -> list[Share]:
    return [Share(row.template, row.share) for row in send_out.variants.select_related("template")]


def check_rights(access: Access, before: Whole, parts: Parts) -> None:
    """Raises ValidationFailed at the field where an audience is new to it that the person does not see."""
    known = {*before.audiences, *before.exclude}
    for field, rows in (("audiences", parts.audiences), ("exclude", parts.exclude)):
        new = [row for row in rows or [] if row not in known]
        seen = set(visibility.visible(access).filter(pk__in=[row.pk for row in new])) if new else set()
        if set(new) - seen:
            message = _("There is no such audience here that you may use.")
            raise ValidationFailed(message, errors={field: [message]})


def write(send_out: SendOut, parts: Parts) -> None:
    """Make these the parts of a saved send-out; what is None stays."""
    sides = {False: parts.audiences[1:] if parts.audiences is not None else None, True: parts.exclude}
    given = {excluded: rows for excluded, rows in sides.items() if rows is not None}
    # Audiences may have changed sides: all rows go before new ones come.
    send_out.parts.filter(excluded__in=given).delete()
    SendOutAudience.objects.bulk_create(
        SendOutAudience(send_out=send_out, audience=row, excluded=excluded, position=place)
        for excluded, rows in given.items()
        for place, row in enumerate(rows)
    )
    if parts.variants is not None:
        send_out.variants.all().delete()
        Variant.objects.bulk_create(
            Variant(send_out=send_out, number=number, template=row.template, share=row.share)
            for number, row in enumerate(parts.variants)
        )


def variant_problems(send_out: SendOut, rows: Sequence[Share]) -> list[str]:
    """What keeps variants from being compared."""
    if not rows:
        return []
    if not LEAST <= len(rows) <= MOST:
        return [_("Compare %(least)d to %(most)d variants.") % {"least": LEAST, "most": MOST}]
    found = []
    if any(row.share < 1 for row in rows) or sum(row.share for row in rows) != 100:
        found.append(share_message())
    if len({row.template.pk for row in rows}) < len(rows):
        found.append(_("Each variant needs a template of its own."))
    if any(row.template.channel != send_out.channel for row in rows):
        found.append(_("This template is for another channel."))
    if len({row.template.purpose for row in rows}) > 1:
        found.append(_("All variants must have the same purpose: promotion or notice."))
    return found
