"""The table of recipients on the page of a send-out, its download, and what a person found out about open rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, ngettext

from cdp.core.access import Access
from insight.audiences.streaming import csv_response
from marketing.delivery import ledger, receipts, settling
from marketing.delivery.models import CAUSES, Recipient, SendOut
from marketing.delivery.views import SendOutAction, SendOutMixin

PER_PAGE = 50
_FILTERS = ("person", "state", "reason")


def table(access: Access, send_out: SendOut, given: QueryDict, *, may_settle: bool) -> dict[str, Any]:
    """What the template needs to show the rows that `given`, the address, asks for."""
    chosen = {name: given[name] for name in _FILTERS if given.get(name)}
    page = Paginator(ledger.RecipientFilter(given, send_out).qs, PER_PAGE).get_page(given.get("page"))
    rows = ledger.shown(page.object_list, send_out, access)
    if may_settle:
        keys = [row["id"] for row in rows if row["state"] == Recipient.State.UNKNOWN]
        open_keys = set(settling.open_rows(send_out).filter(pk__in=keys).values_list("pk", flat=True))
        for row in rows:
            row["open"] = row["id"] in open_keys
    causes = send_out.recipients.exclude(reason="").order_by("reason").values_list("reason", flat=True)
    return {
        "page": page,
        "refreshable": receipts.can_ask(send_out),
        "recipients": rows,
        "settleable": any(row.get("open") for row in rows),
        "states": Recipient.State.choices,
        "causes": [(reason, CAUSES.get(reason, reason)) for reason in causes.distinct()],
        "chosen": chosen,
        "query": urlencode(chosen),
    }


class Download(SendOutMixin):
    """The rows that are shown, all pages of them, as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        send_out = self.get_object()
        rows = ledger.RecipientFilter(request.GET, send_out).qs
        return csv_response(request, ledger.export(self.access, send_out, rows), f"{send_out.pk}.csv")


class Refresh(SendOutAction):
    """Ask the platform now what became of the messages."""

    verb = "view"

    def act(self, obj: SendOut) -> int:
        return receipts.ask_now(obj)

    def message(self, obj: SendOut, result: int) -> str:
        if not result:
            return gettext("There is nothing to ask for: everything has been reported, or its time is over.")
        return gettext("The platform was asked. These are its reports so far.")

    def success_url(self, obj: SendOut, result: int | None) -> str:
        return super().success_url(obj, result) + "#recipients"


class Settle(SendOutAction):
    """The ticked rows: `sent` is yes or no."""

    def act(self, obj: SendOut) -> int:
        ticked = [int(key) for key in self.request.POST.getlist("row") if key.isdecimal() and len(key) < 19]
        return settling.settle(self.access, obj, ticked, sent=self.request.POST.get("sent") == "yes")

    def message(self, obj: SendOut, result: int) -> str:
        return ngettext("%(count)d message settled.", "%(count)d messages settled.", result) % {
            "count": result
        }

    def success_url(self, obj: SendOut, result: int | None) -> str:
        return super().success_url(obj, result) + "#recipients"
