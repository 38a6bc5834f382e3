"""Pages of devices, and of what has to be built into a site."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    BulkAction,
    Column,
    DateColumn,
    DetailPage,
    Fact,
    ListPage,
    TextColumn,
)
from cdp.console.generic.detail import ObjectMixin
from cdp.core.identifiers import ID_TYPES
from marketing.channels.models import Provider
from marketing.devices import registry, sites
from marketing.devices.models import PushDevice


class DeviceFilter(django_filters.FilterSet):
    """`person`: exactly an ID; it is looked up by its hash."""

    person = django_filters.CharFilter(
        label=_("ID of a person"),
        method="of_person",
        widget=forms.TextInput(
            {"type": "search", "class": "form-control", "placeholder": _("ID of a person")}
        ),
    )
    provider = django_filters.ModelChoiceFilter(
        label=_("Channel"), empty_label=_("All channels"), queryset=lambda request: _channels(request)
    )
    enabled = django_filters.ChoiceFilter(
        label=_("State"),
        empty_label=_("All states"),
        choices=(("True", _("In use")), ("False", _("Switched off"))),
    )

    class Meta:
        model = PushDevice
        fields = ("person", "provider", "enabled")

    def of_person(self, rows: QuerySet[PushDevice], name: str, value: str) -> QuerySet[PushDevice]:
        return registry.search(rows, value, self.request.workspace)


def _channels(request: Any) -> QuerySet[Provider]:
    rows = Provider.objects.in_workspace(request.workspace)
    return rows.filter(channel=Provider.Channel.PUSH)


class DeviceList(ListPage):
    permission = registry.PERMISSION
    title = _("Devices")
    intro = _(
        "Browsers and apps that push messages reach. Of IDs only hashes are kept, so search for a whole ID."
    )
    filterset_class = DeviceFilter
    ordering = "-last_seen"
    empty_icon = "device-mobile"
    empty_title = _("No devices yet")
    empty_text = _("Browsers register on your site, apps through the API.")
    columns = (
        TextColumn("kind", _("Device"), value="get_kind_display", below="agent"),
        Column("ids", _("Person"), value="masked_ids"),
        Column("provider", _("Channel"), value="provider.name"),
        Column(
            "enabled",
            _("State"),
            value=lambda row: _("In use") if row.enabled else row.get_off_reason_display(),
            sort="enabled",
        ),
        DateColumn("last_seen", _("Last seen"), sort="last_seen"),
    )
    bulk_actions = (
        BulkAction(
            "switch-off",
            _("Switch off"),
            registry.switch_off,
            confirm=_("Switch off the ticked devices? They get no messages until they register again."),
        ),
        BulkAction(
            "delete",
            _("Remove"),
            registry.forget,
            danger=True,
            confirm=_("Remove the ticked devices with all that is known of them?"),
        ),
    )

    def get_queryset(self) -> QuerySet[PushDevice]:
        rows = PushDevice.objects.in_workspace(self.workspace)
        return rows.select_related("provider").prefetch_related("ids")

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(back_url=self.list_url("channels:list"), back_label=_("Channels"), **more)


class _SiteMixin(ObjectMixin):
    permission = registry.PERMISSION
    model = Provider

    def get_object(self) -> Provider:
        return Provider.objects.get_in(self.workspace, self.kwargs["pk"], type=sites.TYPE)


class Site(_SiteMixin, DetailPage):
    """Everything that the people who make the site need."""

    template_name = "marketing/devices/site.html"

    def facts(self, obj: Provider) -> list[Fact]:
        return [
            Fact(_("Public key"), obj.config["vapid_public"]),
            Fact(_("Addresses of the site"), ", ".join(sites.origins_of(obj))),
            Fact(_("The site knows people by"), ID_TYPES[obj.config["id_type"]].label),
            Fact(_("IDs must be signed"), _("No") if obj.config.get("unsigned") else _("Yes")),
            Fact(_("Devices in use"), registry.reachable(obj).count()),
        ]

    def extra(self, obj: Provider) -> dict[str, Any]:
        return {
            "title": _("Set up %(name)s") % {"name": obj.name},
            "back_url": self.reverse("channels:detail", pk=obj.pk),
            "back_label": obj.name,
            "snippets": sites.snippets(obj),
            "id_type": obj.config["id_type"],
            "has_secret": bool(obj.config.get("signing_secret")),
        }


class NewSecret(_SiteMixin):
    """Answers with a page and no redirect, so that the secret on it need not be kept anywhere."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        site = self.get_object()
        secret = sites.new_secret(self.access, site)
        context = self.get_context(secret=secret, back_url=self.reverse("devices:site", pk=site.pk))
        context["title"] = _("Signing secret")
        page = self.render("marketing/devices/secret.html", context)
        page.headers["Cache-Control"] = "no-store"
        return page
