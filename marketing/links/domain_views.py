"""Pages of the domains that short links may lead to."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import BulkAction, Column, DateColumn, FormPage, ListPage
from marketing.links import services
from marketing.links.forms import DomainForm
from marketing.links.models import LinkDomain
from marketing.links.views import PERMISSION


class DomainList(ListPage):
    permission = PERMISSION
    title = _("Domains of short links")
    intro = _("Short links lead to these domains alone. Administrators add and remove them.")
    search_fields = ("name",)
    ordering = "name"
    empty_icon = "world-www"
    empty_title = _("No domains yet")
    empty_text = _("Until an administrator adds a domain, no short link can be made.")
    create_url_name = "links:new-domain"
    create_label = _("Add a domain")
    columns = (
        Column("name", _("Domain"), sort="name"),
        DateColumn("created_at", _("Added"), sort="created_at"),
    )

    def get_queryset(self) -> QuerySet[LinkDomain]:
        return LinkDomain.objects.in_workspace(self.workspace)

    def get_bulk_actions(self) -> list[BulkAction]:
        remove = BulkAction(
            "delete",
            _("Remove"),
            services.delete_domain,
            danger=True,
            confirm=_("Remove the ticked domains? No new short link can lead there."),
        )
        return [remove] if self.access.is_admin else []

    def get_context(self, **more: Any) -> dict[str, Any]:
        if not self.access.is_admin:
            more["create_url"] = ""
        return super().get_context(back_url=self.list_url("links:list"), **more)


class NewDomain(FormPage):
    permission = PERMISSION
    title = _("Add a domain")
    form_class = DomainForm
    submit_label = _("Add")
    back_url_name = "links:domains"

    def save(self, form: DomainForm, obj: Any) -> LinkDomain:
        return services.add_domain(self.access, form.cleaned_data["name"])

    def success_url(self, obj: LinkDomain) -> str:
        return self.reverse("links:domains")
