"""The message of a send-out as one person gets it: a part of its page, before it leaves and afterwards."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from cdp.core.errors import DomainError
from insight.audiences import queries as audiences
from marketing.delivery import custom_pages, push_pages, targeting, trial
from marketing.delivery.failed import failed_of
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin


def shown(send_out: SendOut, given: QueryDict) -> dict[str, Any]:
    """What the template needs for the `member` and `variant` of the address.

    A member that cannot be read must not hide the page.
    """
    people = _people(send_out)
    typed = given.get("member", "")
    member = min(int(typed), max(people - 1, 0)) if typed.isdecimal() and len(typed) < 10 else 0
    letters = [row.letter for row in send_out.variants.all()]
    variant = send_out.variant_number(given.get("variant")) or 0
    more = f"&variant={letters[variant]}" if letters else ""
    answer: dict[str, Any] = {
        "place": member + 1,
        "total": people,
        "letters": [
            {"letter": letter, "url": f"?member={member}&variant={letter}", "shown": place == variant}
            for place, letter in enumerate(letters)
        ],
    }
    if member > 0:
        answer["previous_member"] = f"?member={member - 1}{more}"
    if member + 1 < people:
        answer["next_member"] = f"?member={member + 1}{more}"
    try:
        answer["preview"] = trial.preview(send_out, member, variant=variant)
        if "body" in answer["preview"]:
            answer |= custom_pages.preview(answer["preview"])
        if "push" in answer["preview"]:
            answer |= push_pages.preview(answer["preview"])
    except DomainError as error:
        answer["preview_error"] = str(error)
    return answer


def _people(send_out: SendOut) -> int:
    """Whose messages can be looked at: the members of the first audience, or those who failed."""
    if send_out.resend_of is not None:
        return failed_of(send_out.resend_of).count()
    first = targeting.included(send_out)[:1]
    version = send_out.audience_version or (audiences.latest_version(first[0]) if first else None)
    return version.count if version else 0


class Message(SendOutMixin):
    """The part alone, with the content that was fixed when sending started."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        send_out = self.get_object()
        context = {
            **shown(send_out, request.GET),
            "object": send_out,
            "message_url": self.reverse("delivery:message", pk=send_out.pk),
        }
        return self.render("marketing/delivery/message.html", context)
