"""How a send-out went over time, on its page, and all its numbers as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from insight.audiences.streaming import csv_response
from marketing.delivery import course, effect_export
from marketing.delivery.channel_effect_page import lines
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin


def shown(send_out: SendOut) -> dict[str, Any]:
    """The chart, and the same as rows. What nobody did or what nobody can know, such as openings of SMS, is no line."""
    found = course.of(send_out)
    labels = {
        "sent": gettext("Sent"),
        "delivered": gettext("Delivered"),
        "opened": gettext("Opened"),
        "clicked": gettext("Clicked"),
    }
    names = [name for name in course.NAMES if any(row[name] for row in found["rows"])]
    moments = course.moments(found)
    return {
        "course": lines(found["unit"], found["rows"], [(name, labels[name]) for name in names]),
        "course_labels": [labels[name] for name in names],
        "course_rows": [
            (at, [row[name] for name in names]) for at, row in zip(moments, found["rows"], strict=True)
        ],
    }


class Download(SendOutMixin):
    """Funnel, variants, audiences, links and course as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        send_out = self.get_object()
        return csv_response(request, effect_export.as_csv(self.access, send_out), f"{send_out.pk}-effect.csv")
