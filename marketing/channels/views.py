"""Pages of providers and sender addresses."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    DialogFormPage,
    Fact,
    FormPage,
    ListPage,
    TextColumn,
)
from cdp.console.generic.detail import ObjectMixin
from cdp.console.middleware import flash
from marketing.channels import (
    call_pages,
    callbacks,
    dkim_keys,
    dns_records,
    return_source,
    senders,
    services,
)
from marketing.channels.base import ConfigField, ProviderType, find_type, provider_type, types_of
from marketing.channels.contract import KnowingSenders
from marketing.channels.forms import OWN, AnySenderForm, DkimForm, KeysForm, ProviderForm, SenderForm
from marketing.channels.models import ORDINARY, Provider, SenderAddress

PERMISSION = "marketing.accounts.manage"


class ProviderList(ListPage):
    permission = PERMISSION
    title = _("Channels")
    intro = _("Mail servers and message platforms that send-outs leave by.")
    template_name = "marketing/channels/list.html"
    search_fields = ("name",)
    ordering = "name"
    empty_icon = "plug"
    empty_title = _("No providers yet")
    empty_text = _("Connect an SMTP server or an SMS platform to send messages.")
    columns = (
        TextColumn(
            "name",
            _("Provider"),
            sort="name",
            link=True,
            below=lambda row: gettext("of the organization") if row.shared_id else "",
        ),
        Column("channel", _("Channel"), value="get_channel_display", sort="channel"),
        Column("type", _("Type"), value=lambda row: provider_type(row).label),
        BadgeColumn("health", _("State"), label_of="health.label", hint="health.remedy"),
        TextColumn("last_error", _("Last error"), below=lambda row: row.last_error and row.health.remedy),
        DateColumn("checked_at", _("Tested"), sort="checked_at"),
        DateColumn("succeeded_at", _("Last success"), sort="succeeded_at"),
    )

    def get_queryset(self) -> QuerySet[Provider]:
        return Provider.objects.in_workspace(self.workspace).exclude(channel=Provider.Channel.CUSTOM)

    def row_url(self, row: Provider) -> str:
        return self.reverse("channels:detail", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        kinds = [kind for channel, _label in ORDINARY for kind in types_of(channel)]
        return super().get_context(kinds=kinds, **more)


class ProviderMixin(ObjectMixin):
    permission = PERMISSION

    def get_object(self) -> Provider:
        rows = Provider.objects.exclude(channel=Provider.Channel.CUSTOM)
        return rows.get_in(self.workspace, self.kwargs["pk"])


class ProviderDetail(ProviderMixin, DetailPage):
    template_name = "marketing/channels/detail.html"
    back_url_name = "channels:list"
    back_label = _("Channels")

    def facts(self, obj: Provider) -> list[Fact]:
        return settings_facts(obj)

    def extra(self, obj: Provider) -> dict[str, Any]:
        kind = provider_type(obj)
        found: dict[str, Any] = {
            "fetches_senders": isinstance(kind, KnowingSenders),
            "records": dns_records.of(obj),
            "setup_url": self.reverse(kind.setup_url_name, pk=obj.pk) if kind.setup_url_name else "",
            "has_keys": bool(services.secrets_of(kind)),
        }
        if obj.channel == Provider.Channel.EMAIL and obj.type == "smtp":
            found["bounces_url"] = callbacks.bounces_url(obj)
        if obj.type == "contract":
            found["reports_url"] = callbacks.reports_url(obj)
            if self.access.can(call_pages.PERMISSION):
                found["calls_url"] = self.reverse("channels:calls", pk=obj.pk)
        return found


def settings_facts(obj: Provider) -> list[Fact]:
    """How a provider is set up and doing, without its secrets."""
    config = services.shown_config(obj)
    if source := config.get(return_source.SETTING):
        config[return_source.SETTING] = return_source.name_of(source)
    shown = [
        Fact(f"{item.group}: {item.label}" if item.group else item.label, _in_words(item, config[item.name]))
        for item in provider_type(obj).fields
        # What is folded away in the form and was left as it is says nothing here either.
        if not item.group or config[item.name] not in ("", item.default)
    ]
    return [
        Fact(_("Channel"), obj.get_channel_display()),
        Fact(_("Type"), provider_type(obj).label),
        *shown,
        Fact(_("Messages per second"), obj.rate_per_second),
        Fact(_("Price per message"), _price(obj)),
        Fact(_("Tested"), obj.checked_at),
        Fact(_("Last success"), obj.succeeded_at),
    ]


def _price(obj: Provider) -> str:
    return gettext("not known") if obj.price is None else f"{obj.price.normalize():f} {obj.price_currency}"


def _in_words(item: ConfigField, value: Any) -> Any:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return dict(item.choices).get(value, value) or "–"


class ProviderFormPage(FormPage):
    permission = PERMISSION
    template_name = "marketing/channels/form.html"
    form_class = ProviderForm
    back_url_name = "channels:list"
    success_message = _("Saved. Test the connection now.")

    def success_url(self, obj: Provider) -> str:
        return self.reverse("channels:detail", pk=obj.pk)


class NewProvider(ProviderFormPage):
    @cached_property
    def kind(self) -> ProviderType:
        found = find_type(self.kwargs["channel"], self.kwargs["type"])
        if found is None or self.kwargs["channel"] == Provider.Channel.CUSTOM:
            raise Http404
        return found

    @property
    def title(self) -> str:  # type: ignore[override]
        return gettext("New provider: %(kind)s") % {"kind": self.kind.label}

    def form_options(self, obj: Any) -> dict[str, Any]:
        owner = Provider(workspace=self.workspace)
        return {"kind": self.kind, "sources": return_source.choices(owner)}

    def save(self, form: ProviderForm, obj: Any) -> Provider:
        values = {**form.values(), "channel": self.kwargs["channel"], "type": self.kwargs["type"]}
        return services.create_provider(self.access, values)


class EditProvider(ProviderMixin, ProviderFormPage):
    title = _("Edit the provider")

    def initial(self, obj: Provider) -> dict[str, Any]:
        return {name: getattr(obj, name) for name in OWN}

    def form_options(self, obj: Provider) -> dict[str, Any]:
        return {
            "kind": provider_type(obj),
            "provider": obj,
            "sources": return_source.choices(obj),
        }

    def save(self, form: ProviderForm, obj: Provider) -> Provider:
        return services.update_provider(self.access, obj, form.values(), edit_version=self.seen_version())


class TestProvider(ProviderMixin, ActionView):
    def act(self, obj: Provider) -> dict[str, Any]:
        found = services.test_provider(self.access, obj)
        for line in found["lines"]:
            flash(self.request, line, messages.SUCCESS if found["ok"] else messages.ERROR)
        return found

    def success_url(self, obj: Provider, result: Any) -> str:
        return self.reverse("channels:detail", pk=obj.pk)


class RenewKeys(ProviderMixin, FormPage):
    title = _("Renew the keys")
    form_class = KeysForm
    submit_label = _("Save and test")
    back_url_name = "channels:list"

    def form_options(self, obj: Provider) -> dict[str, Any]:
        return {"provider": obj}

    def save(self, form: KeysForm, obj: Provider) -> Provider:
        found = services.renew_keys(self.access, obj, form.values())
        for line in found["lines"]:
            flash(self.request, line, messages.SUCCESS if found["ok"] else messages.ERROR)
        return obj

    def success_url(self, obj: Provider) -> str:
        return self.reverse("channels:detail", pk=obj.pk)


class DeleteProvider(ProviderMixin, DeletePage):
    back_url_name = "channels:list"

    def delete(self, obj: Provider) -> None:  # type: ignore[override]
        services.delete_provider(self.access, obj)


class NewSender(ProviderMixin, FormPage):
    title = _("New sender address")
    form_class = SenderForm
    back_url_name = "channels:list"

    def save(self, form: SenderForm, obj: Any) -> SenderAddress:
        return senders.add(self.access, obj, form.cleaned_data["address"], form.cleaned_data["name"])

    def success_url(self, obj: SenderAddress) -> str:
        return self.reverse("channels:detail", pk=obj.provider_id)


class AnySender(DialogFormPage):
    """For the dialog of a page that needs a sender address of some provider."""

    permission = PERMISSION
    title = _("New sender address")
    form_class = AnySenderForm
    back_url_name = "channels:list"
    event = "sender-made"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def save(self, form: AnySenderForm, obj: Any) -> SenderAddress:
        given = form.cleaned_data
        return senders.add(self.access, given["provider"], given["address"], given["name"])

    def told(self, obj: SenderAddress) -> dict[str, Any]:
        return {"id": obj.pk, "name": str(obj)}

    def success_url(self, obj: SenderAddress) -> str:
        return self.reverse("channels:detail", pk=obj.provider_id)


class FetchSenders(ActionView):
    permission = PERMISSION
    model = Provider

    def act(self, obj: Provider) -> dict[str, int]:
        return senders.fetch(self.access, obj)

    def message(self, obj: Provider, result: dict[str, int]) -> str:
        return gettext("New addresses: %(new)d. Frozen: %(frozen)d.") % result

    def success_url(self, obj: Provider, result: Any) -> str:
        return self.reverse("channels:detail", pk=obj.pk)


class DeleteSender(DeletePage):
    permission = PERMISSION
    model = SenderAddress
    back_url_name = "channels:list"

    def delete(self, obj: SenderAddress) -> None:  # type: ignore[override]
        senders.delete(self.access, obj)


class MakeDkimKey(FormPage):
    permission = PERMISSION
    title = _("Make a DKIM key")
    form_class = DkimForm
    back_url_name = "channels:list"
    submit_label = _("Make the key")
    success_message = _("Mails are signed from now on. Publish the DNS record that this page shows.")

    def get_object(self) -> Provider:
        """The provider that the key is for; a new key replaces its present one."""
        return Provider.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Provider) -> dict[str, Any]:
        sender = obj.senders.first()
        domain = obj.config.get("dkim_domain") or (sender.address.rpartition("@")[2] if sender else "")
        return {"domain": domain}

    def save(self, form: DkimForm, obj: Provider) -> Provider:
        return dkim_keys.make(self.access, obj, form.cleaned_data["domain"], form.cleaned_data["selector"])

    def success_url(self, obj: Provider) -> str:
        return self.reverse("channels:detail", pk=obj.pk)
