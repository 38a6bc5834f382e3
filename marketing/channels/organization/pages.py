"""The organization's pages of providers: a list, one provider, and which workspaces have it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.members.manager_pages import ManagerView
from cdp.console.generic import (
    ActionView,
    BooleanColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
)
from cdp.console.middleware import flash
from marketing.channels import dns_records, return_source
from marketing.channels.base import ProviderType, find_type, provider_type, types_of
from marketing.channels.forms import OWN, DkimForm, ProviderForm
from marketing.channels.models import ORDINARY, SharedProvider
from marketing.channels.organization import services
from marketing.channels.organization.forms import GrantForm
from marketing.channels.views import settings_facts


class OfOrganization(ManagerView):
    """A page of one provider of the organization."""

    tab = "providers"
    back_url_name = "organization-providers:list"
    back_label = gettext_lazy("Providers")

    def get_object(self) -> SharedProvider:
        return services.provider_of(self.organization, self.kwargs["pk"])

    def success_url(self, obj: Any, result: Any = None) -> str:
        return self.reverse("organization-providers:detail", obj.pk)


class ProviderList(ManagerView, ListPage):
    tab = "providers"
    title = gettext_lazy("Providers of the organization")
    template_name = "marketing/channels/organization/list.html"
    search_fields = ("name",)
    ordering = "name"
    empty_icon = "plug"
    empty_title = gettext_lazy("No providers yet")
    empty_text = gettext_lazy("Connect a mail server or a platform once, and grant it to workspaces.")
    columns = (
        Column("name", gettext_lazy("Provider"), sort="name", link=True),
        Column("channel", gettext_lazy("Channel"), value="get_channel_display", sort="channel"),
        Column("type", gettext_lazy("Type"), value=lambda row: provider_type(row.as_provider()).label),
        Column(
            "granted", gettext_lazy("Workspaces"), value=lambda row: _("All") if row.for_all else row.granted
        ),
        BooleanColumn("enabled", gettext_lazy("In use")),
        Column("last_error", gettext_lazy("Last error"), css="text-danger"),
        DateColumn("checked_at", gettext_lazy("Tested"), sort="checked_at"),
    )

    def get_queryset(self) -> QuerySet[SharedProvider]:
        granted = Count("providers", filter=Q(providers__withdrawn_at=None))
        return SharedProvider.objects.filter(organization=self.organization).annotate(granted=granted)

    def row_url(self, row: SharedProvider) -> str:
        return self.reverse("organization-providers:detail", row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        kinds = [kind for channel, _label in ORDINARY for kind in types_of(channel) if kind.shareable]
        return super().get_context(kinds=kinds, **more)


class ProviderDetail(OfOrganization, DetailPage):
    template_name = "marketing/channels/organization/detail.html"

    def facts(self, obj: SharedProvider) -> list[Fact]:
        return settings_facts(obj.as_provider())

    def extra(self, obj: SharedProvider) -> dict[str, Any]:
        return {
            "workspaces": services.granted(obj),
            "used": services.uses(obj),
            "signs": obj.type == "smtp",
            "records": dns_records.of(obj.as_provider()),
        }


class ProviderFormPage(OfOrganization, FormPage):
    template_name = "marketing/channels/form.html"
    form_class = ProviderForm
    success_message = gettext_lazy("Saved. Test the connection now.")


class NewProvider(ProviderFormPage):
    @cached_property
    def kind(self) -> ProviderType:
        found = find_type(self.kwargs["channel"], self.kwargs["type"])
        if found is None or not found.shareable:
            raise Http404
        return found

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("New provider: %(kind)s") % {"kind": self.kind.label}

    def get_object(self) -> Any:
        return None

    def form_options(self, obj: Any) -> dict[str, Any]:
        owner = SharedProvider(organization=self.organization)
        return {"kind": self.kind, "sources": return_source.choices(owner)}

    def save(self, form: ProviderForm, obj: Any) -> SharedProvider:
        values = {**form.values(), "channel": self.kwargs["channel"], "type": self.kwargs["type"]}
        return services.create(self.access, self.organization, values)


class EditProvider(ProviderFormPage):
    title = gettext_lazy("Edit the provider")

    def initial(self, obj: SharedProvider) -> dict[str, Any]:
        return {name: getattr(obj, name) for name in OWN}

    def form_options(self, obj: SharedProvider) -> dict[str, Any]:
        provider = obj.as_provider()
        return {
            "kind": provider_type(provider),
            "provider": provider,
            "sources": return_source.choices(obj),
        }

    def save(self, form: ProviderForm, obj: SharedProvider) -> SharedProvider:
        return services.update(self.access, obj, form.values(), edit_version=self.seen_version())


class TestProvider(OfOrganization, ActionView):
    def act(self, obj: SharedProvider) -> dict[str, Any]:
        found = services.test(self.access, obj)
        for line in found["lines"]:
            flash(self.request, line, messages.SUCCESS if found["ok"] else messages.ERROR)
        return found


class GrantProvider(OfOrganization, FormPage):
    title = gettext_lazy("Who has this provider")
    form_class = GrantForm
    success_message = gettext_lazy("Saved. It works at once.")

    def initial(self, obj: SharedProvider) -> dict[str, Any]:
        return {"for_all": obj.for_all, "workspaces": services.granted(obj)}

    def form_options(self, obj: SharedProvider) -> dict[str, Any]:
        return {"organization": self.organization}

    def save(self, form: GrantForm, obj: SharedProvider) -> SharedProvider:
        given = form.cleaned_data
        services.grant(self.access, obj, for_all=given["for_all"], workspaces=list(given["workspaces"]))
        return obj


class MakeDkimKey(OfOrganization, FormPage):
    title = gettext_lazy("Make a DKIM key")
    form_class = DkimForm
    submit_label = gettext_lazy("Make the key")
    success_message = gettext_lazy(
        "Mails are signed from now on. Publish the DNS record that this page shows."
    )

    def initial(self, obj: SharedProvider) -> dict[str, Any]:
        return {"domain": obj.config.get("dkim_domain", "")}

    def save(self, form: DkimForm, obj: SharedProvider) -> SharedProvider:
        given = form.cleaned_data
        return services.make_dkim_key(self.access, obj, given["domain"], given["selector"])


class DeleteProvider(OfOrganization, DeletePage):
    def consequences(self, obj: SharedProvider) -> list[Any]:
        return [_("It disappears from every workspace.")]

    def blockers(self, obj: SharedProvider) -> list[str]:
        return [f"{item['name']}: {item['what']} ({item['count']})" for item in services.uses(obj)]

    def delete(self, obj: SharedProvider) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
