"""The dialog that shows a send-out once more before it is really submitted."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cdp.core.errors import DomainError
from marketing.delivery import checking, recurrence, schedule, trial, windows
from marketing.delivery.forms import WhenForm
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin, kind_of


class Check(SendOutMixin):
    """`when` and `scheduled_at` in the address are those of the form; nothing is saved."""

    verb = "send"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        send_out = self.get_object()
        problem = self._set_time(send_out)
        found = checking.summary(send_out)
        try:
            preview = trial.preview(send_out)
        except DomainError:
            # The page behind says what is wrong with it; people and time are still worth a look.
            preview = {}
        context = {
            "object": send_out,
            "kind": kind_of(send_out),
            "check": found,
            "problem": problem or found["problem"],
            "preview": preview,
            "later": request.GET.get("when") == "later",
            "repeats": recurrence.describe(send_out),
            "hours": windows.describe(send_out.window),
        }
        return self.render("marketing/delivery/check.html", context)

    def _set_time(self, send_out: SendOut) -> str:
        """Give it the time of the form, unsaved; the answer is what is wrong with that."""
        send_out.scheduled_at = None
        if send_out.recurrence:
            return recurrence.problem(send_out)
        if self.request.GET.get("when") != "later":
            return ""
        form = WhenForm(self.request.GET)
        if not form.is_valid():
            return " ".join(map(str, form.errors["scheduled_at"]))
        send_out.scheduled_at = form.cleaned_data["scheduled_at"]
        try:
            schedule.check_time(send_out)
        except DomainError as error:
            return str(error)
        return ""
