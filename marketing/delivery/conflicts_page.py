"""The part of the review page that says what stands in the way of a send-out; it loads by itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from marketing.channels.models import Provider
from marketing.delivery import conflicts
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin


class Conflicts(SendOutMixin):
    """GET shows what was found or how far the job is; POST looks, unless that was done just now."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._show(self.get_object())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        send_out = self.get_object()
        found = conflicts.found(self.access, send_out)
        if found is None or found["outdated"] or "again" in request.POST:
            conflicts.start(self.access, send_out)
        return self._show(send_out)

    def _show(self, send_out: SendOut) -> HttpResponse:
        job = conflicts.latest_job(send_out)
        found = conflicts.found(self.access, send_out)
        return self.render(
            "marketing/delivery/conflicts.html",
            self.get_context(
                object=send_out,
                running=job is not None and job.is_active,
                failed=job.error if job is not None and not job.is_active else "",
                found=found,
                rows=[_labelled(row) for row in found["others"]] if found else [],
            ),
        )


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "channel_label": Provider.Channel(row["channel"]).label,
        "state_label": SendOut.State(row["state"]).label,
    }
