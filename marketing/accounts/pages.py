"""Console pages of accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
    TextColumn,
)
from cdp.console.generic.base import WorkspaceView
from cdp.console.generic.detail import ObjectMixin
from cdp.console.middleware import flash
from cdp.core.errors import PermissionDenied
from marketing.accounts import requests, services
from marketing.accounts.forms import AccountForm, AppForm
from marketing.accounts.models import Account, AccountRequest
from marketing.accounts.types import AccountType, find, type_of
from marketing.channels import services as channels
from marketing.channels.models import Provider


def platform(row: Account | AccountRequest) -> Any:
    """What people call the platform of an account."""
    return type_of(row.type).label


class AccountsView(WorkspaceView):
    """For those who look after accounts, and those who may ask for one."""

    permission = services.MANAGE

    def permission_point(self) -> str:
        return services.point_of(self.access)


class AccountList(AccountsView, ListPage):
    title = gettext_lazy("Accounts")
    intro = gettext_lazy(
        "Accounts on platforms that the workspace may use. Their apps are channels of send-outs."
    )
    template_name = "marketing/accounts/list.html"
    search_fields = ("name", "remote_id")
    ordering = "name"
    empty_icon = "id-badge-2"
    empty_title = gettext_lazy("No accounts yet")
    empty_text = gettext_lazy(
        "Authorise an account of a platform, or ask for one: its apps are then fetched."
    )
    columns = (
        TextColumn("name", gettext_lazy("Account"), sort="name", link=True, below="remote_id"),
        Column("type", gettext_lazy("Platform"), value=platform, sort="type"),
        BadgeColumn("badge", gettext_lazy("State"), label_of="get_state_display", hint="error"),
        Column("channels", gettext_lazy("Channels"), value="number"),
        Column("bound_by", gettext_lazy("Authorised by")),
        DateColumn("authorised_at", gettext_lazy("Authorised on"), sort="authorised_at"),
        DateColumn("expires_at", gettext_lazy("Valid until"), sort="expires_at"),
    )

    def get_queryset(self) -> QuerySet[Account]:
        rows = Account.objects.in_workspace(self.workspace).select_related("bound_by")
        return rows.annotate(number=Count("channels"))

    def row_url(self, row: Account) -> str:
        return self.reverse("accounts:detail", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(
            kinds=services.askable(self.access),
            manages=self.access.can(services.MANAGE),
            waiting=requests.waiting_for(self.access).count(),
            **more,
        )


class AccountMixin(AccountsView, ObjectMixin):
    def get_object(self) -> Account:
        return Account.objects.select_related("bound_by").get_in(self.workspace, self.kwargs["pk"])


class ManagedMixin(AccountMixin):
    def permission_point(self) -> str:
        return services.MANAGE


class AccountDetail(AccountMixin, DetailPage):
    template_name = "marketing/accounts/detail.html"
    back_url_name = "accounts:list"
    back_label = gettext_lazy("Accounts")

    def facts(self, obj: Account) -> list[Fact]:
        facts = [
            Fact(_("Platform"), platform(obj)),
            Fact(_("Account"), obj.remote_id),
            Fact(_("Authorised by"), obj.bound_by),
            Fact(_("Authorised on"), obj.authorised_at),
            Fact(_("Checked"), obj.checked_at),
        ]
        if obj.expires_at:
            facts.append(Fact(_("Authorised until"), obj.expires_at))
        if self.access.can(services.MANAGE):
            kind = type_of(obj.type)
            shown = channels.shown(kind.fields, obj.config)
            facts += [Fact(item.label, shown[item.name]) for item in kind.fields]
        return facts

    def extra(self, obj: Account) -> dict[str, Any]:
        by_key = {
            str(row.provider.config.get("app_key")): row.provider
            for row in obj.channels.select_related("provider")
        }
        return {
            "apps": [{**row, "channel": by_key.get(row["key"])} for row in obj.apps],
            "manages": self.access.can(services.MANAGE),
            "hint": type_of(obj.type).hint,
        }


class NewAccount(AccountsView, FormPage):
    """Authorises at once where the person looks after accounts, and asks for it otherwise."""

    form_class = AccountForm
    back_url_name = "accounts:list"
    template_name = "marketing/accounts/form.html"

    @property
    def kind(self) -> AccountType:
        found = find(self.kwargs["type"])
        if found is None:
            raise Http404
        return found

    @property
    def asks(self) -> bool:
        return self.kind.always_asked or not self.access.can(services.MANAGE)

    @property
    def title(self) -> Any:  # type: ignore[override]
        words = (
            _("Ask for an account of %(platform)s")
            if self.asks
            else _("Authorise an account of %(platform)s")
        )
        return words % {"platform": self.kind.label}

    def get_object(self) -> Any:
        if self.kind not in services.askable(self.access):
            raise PermissionDenied(point=self.kind.ask_point)
        return None

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"kind": self.kind}

    def save(self, form: AccountForm, obj: Any) -> Account | AccountRequest:
        given = (form.cleaned_data["name"], form.config())
        if self.asks:
            return requests.ask(self.access, self.kind.key, *given)
        return services.authorise(self.access, self.kind.key, *given)

    def success_url(self, obj: Any) -> str:
        return after(self, obj)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"hint": self.kind.hint, "asks": self.asks}


class AuthoriseAgain(AccountMixin, FormPage):
    """The same as the first time."""

    title = gettext_lazy("Authorise the account again")
    form_class = AccountForm
    back_url_name = "accounts:list"
    template_name = "marketing/accounts/form.html"

    def get_object(self) -> Account:
        found = super().get_object()
        kind = type_of(found.type)
        if kind not in services.askable(self.access):
            raise PermissionDenied(point=kind.ask_point)
        self.asks = kind.always_asked or not self.access.can(services.MANAGE)
        return found

    def form_options(self, obj: Account) -> dict[str, Any]:
        return {"kind": type_of(obj.type), "named": True, "old": None if self.asks else obj.config}

    def save(self, form: AccountForm, obj: Account) -> Account | AccountRequest:
        if self.asks:
            return requests.ask(self.access, obj.type, obj.name, form.config(), account=obj)
        return services.authorise_again(self.access, obj, form.config())

    def success_url(self, obj: Any) -> str:
        return after(self, obj)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"hint": type_of(obj.type).hint, "asks": self.asks}


def after(page: FormPage, obj: Account | AccountRequest) -> str:
    """To the account, or to the request with a word on what happens next."""
    if isinstance(obj, Account):
        flash(page.request, _("Authorised. Its apps have been fetched."))
        return page.reverse("accounts:detail", pk=obj.pk)
    flash(page.request, _("Asked. You hear as soon as somebody has decided."))
    return page.reverse("accounts:request", pk=obj.pk)


class CheckAccount(ManagedMixin, ActionView):
    def act(self, obj: Account) -> bool:
        return services.check_now(self.access, obj)

    def message(self, obj: Account, result: bool) -> Any:
        if result:
            return _("The platform lets us in; its apps have been fetched.")
        flash(self.request, obj.error or _("The platform does not let us in."), messages.ERROR)
        return ""

    def success_url(self, obj: Account, result: Any) -> str:
        return self.reverse("accounts:detail", pk=obj.pk)


class AddApp(ManagedMixin, FormPage):
    title = gettext_lazy("New channel of an app")
    form_class = AppForm
    back_url_name = "accounts:list"
    success_message = gettext_lazy("Saved. Test the connection now.")

    def initial(self, obj: Account) -> dict[str, Any]:
        return {"app": self.request.GET.get("app", "")}

    def form_options(self, obj: Account) -> dict[str, Any]:
        return {"account": obj}

    def save(self, form: AppForm, obj: Account) -> Provider:
        return services.add_app(self.access, obj, form.values())

    def success_url(self, obj: Provider) -> str:
        return self.reverse("channels:detail", pk=obj.pk)


class DeleteAccount(ManagedMixin, DeletePage):
    back_url_name = "accounts:list"

    def consequences(self, obj: Account) -> list[Any]:
        found = [
            _(
                "Its keys are forgotten. Its channels and all that was sent by them stay; nothing new leaves by them."
            )
        ]
        if names := services.waiting(obj):
            found.append(_("These wait for it, and will fail: %(names)s") % {"names": ", ".join(names)})
        return found

    def delete(self, obj: Account) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
