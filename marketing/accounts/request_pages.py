"""Console pages of requests for accounts: one's own, and those that wait for a decision."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, BadgeColumn, Column, DateColumn, DetailPage, Fact, ListPage
from cdp.console.generic.detail import ObjectMixin
from marketing.accounts import requests, services
from marketing.accounts.models import AccountRequest
from marketing.accounts.pages import AccountsView, platform
from marketing.accounts.types import type_of
from marketing.channels import services as channels


class RequestList(AccountsView, ListPage):
    title = gettext_lazy("Requests for accounts")
    search_fields = ("name",)
    ordering = "-requested_at"
    empty_icon = "id-badge-2"
    empty_title = gettext_lazy("No requests")
    empty_text = gettext_lazy("Who may not authorise accounts asks for them, and the requests appear here.")
    columns = (
        Column("name", gettext_lazy("Account"), sort="name", link=True),
        Column("type", gettext_lazy("Platform"), value=platform),
        BadgeColumn("badge", gettext_lazy("State"), label_of="get_state_display", hint="remark"),
        Column("requested_by", gettext_lazy("Asked by")),
        DateColumn("requested_at", gettext_lazy("Asked"), sort="requested_at"),
        Column("decided_by", gettext_lazy("Decided by")),
        DateColumn("decided_at", gettext_lazy("Decided"), sort="decided_at"),
    )

    def get_queryset(self) -> QuerySet[AccountRequest]:
        rows = requests.visible(self.access)
        return rows.filter(state="waiting") if self.request.GET.get("state") == "waiting" else rows

    def row_url(self, row: AccountRequest) -> str:
        return self.reverse("accounts:request", pk=row.pk)


class RequestMixin(AccountsView, ObjectMixin):
    def get_object(self) -> AccountRequest:
        return requests.visible(self.access).get_in(self.workspace, self.kwargs["pk"])  # type: ignore[attr-defined,no-any-return]


class RequestDetail(RequestMixin, DetailPage):
    template_name = "marketing/accounts/request.html"
    back_url_name = "accounts:requests"
    back_label = gettext_lazy("Requests for accounts")

    def facts(self, obj: AccountRequest) -> list[Fact]:
        facts = [
            Fact(_("Platform"), platform(obj)),
            Fact(_("Asked by"), obj.requested_by),
            Fact(_("Asked"), obj.requested_at),
        ]
        if obj.config:
            kind = type_of(obj.type)
            shown = channels.shown(kind.fields, obj.config)
            facts += [Fact(item.label, shown[item.name]) for item in kind.fields]
        if obj.decided_by:
            facts += [Fact(_("Decided by"), obj.decided_by), Fact(_("Decided"), obj.decided_at)]
        if obj.remark:
            facts.append(Fact(_("Remark"), obj.remark))
        return facts

    def extra(self, obj: AccountRequest) -> dict[str, Any]:
        waits = obj.state == AccountRequest.State.WAITING
        return {
            "may_decide": waits and requests.may_decide(self.access, obj),
            "may_withdraw": waits and obj.requested_by_id == self.access.user.pk,
            "may_ask_again": obj.state in ("refused", "returned", "withdrawn")
            and obj.requested_by_id == self.access.user.pk,
        }


class _RequestAction(RequestMixin, ActionView):
    def success_url(self, obj: AccountRequest, result: Any) -> str:
        return self.reverse("accounts:request", pk=obj.pk)


class _Decision(_RequestAction):
    def permission_point(self) -> str:
        return services.MANAGE


class ApproveRequest(_Decision):
    success_message = gettext_lazy("Approved: the account is authorised.")

    def act(self, obj: AccountRequest) -> Any:
        return requests.approve(self.access, obj, self.request.POST.get("remark", ""))


class RefuseRequest(_Decision):
    success_message = gettext_lazy("Refused. Who asked has been told why.")

    def act(self, obj: AccountRequest) -> Any:
        return requests.refuse(self.access, obj, self.request.POST.get("remark", ""))


class WithdrawRequest(_RequestAction):
    success_message = gettext_lazy("Withdrawn.")

    def act(self, obj: AccountRequest) -> Any:
        return requests.withdraw(self.access, obj)
