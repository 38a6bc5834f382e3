"""Columns of the list of templates."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cdp.console.generic import Column
from marketing.channels.carriers import Carrier
from marketing.channels.models import Provider
from marketing.content import digital, reviews
from marketing.content.models import ReviewState, Template, TemplateReview


def kind_of(template: Template) -> str:
    """The channel, and whether it is a digital SMS."""
    return _("Digital SMS") if template.is_digital else str(template.get_channel_display())


def carriers_of(review: TemplateReview | None) -> str:
    """Names of the carriers that have approved it."""
    return ", ".join(str(Carrier(code).label) for code in reviews.approving(review)) if review else ""


def described(template: Template) -> dict[str, Any]:
    """What pages show of a digital SMS while somebody chooses one."""
    signature = template.signature
    review = next(
        (found for found in _present(template) if signature and found.provider_id == signature.provider_id),
        None,
    )
    return {
        "subject": template.subject,
        "signature": signature.text if signature else "",
        "parts": digital.with_addresses(template.parts),
        "carriers": carriers_of(review),
    }


def carriers_by_state(review: TemplateReview | None) -> list[dict[str, Any]]:
    """Each carrier that has said something of a digital SMS: name, state and its words."""
    if review is None:
        return []
    return [
        {"name": Carrier(code).label, "state": state, "label": ReviewState(state).label}
        for code, state in sorted(review.carriers.items())
    ]


def _present(template: Template) -> list[TemplateReview]:
    """The reviews of the present text; no query where they are prefetched."""
    return [found for found in template.reviews.all() if found.edit_version == template.edit_version]


class ReviewsColumn(Column):
    """What each platform says of the present text: who it is on hover, for a digital SMS the carriers and the end."""

    def raw(self, row: Template) -> list[TemplateReview]:
        return _present(row)

    def cell(self, row: Any) -> Any:
        rows = [{"review": found, "carriers": carriers_of(found)} for found in self.raw(row)]
        if not rows:
            # Mails and push messages are reviewed by some providers alone, SMS by all.
            return _("Not sent in") if row.channel == Provider.Channel.SMS else "–"
        return SafeString(render_to_string("marketing/content/reviews_cell.html", {"rows": rows}))

    def text(self, row: Any) -> str:
        return ", ".join(f"{found.provider.name}: {found.get_state_display()}" for found in self.raw(row))
