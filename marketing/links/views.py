"""Pages of short links: the list, one link with its clicks, what is done with it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    BulkAction,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    DialogFormPage,
    Fact,
    FormPage,
    ListPage,
    NumberColumn,
    TextColumn,
    WorkspaceView,
)
from cdp.core import where_used
from cdp.core.errors import NotFound
from marketing.links import queries, services, usage
from marketing.links.forms import ExtendForm, LinkForm, RenameForm
from marketing.links.models import LinkClick, LinkDomain, ShortLink

PERMISSION = "marketing.content.manage"
SHOWN_PEOPLE = 20
CHOICE = 8
STATE_HINTS = {
    ShortLink.State.STOPPED: _("It was stopped by hand and leads nowhere."),
    ShortLink.State.EXPIRED: _("Its time is over, and it leads nowhere."),
}


class LinkMixin(WorkspaceView):
    permission = PERMISSION
    model = ShortLink

    def get_object(self) -> ShortLink:
        link = queries.links(self.workspace).filter(pk=self.kwargs["pk"]).select_related("workspace").first()
        if link is None:
            raise NotFound()
        return link

    def link_url(self, link: ShortLink) -> str:
        return self.reverse("links:detail", pk=link.pk)


class OwnLinkMixin(LinkMixin):
    """Pages for the owner and administrators."""

    def get_object(self) -> ShortLink:
        link = super().get_object()
        services.require_owner(self.access, link)
        return link


class LinkFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"), choices=ShortLink.State.choices, empty_label=_("All states"), method="in_state"
    )

    class Meta:
        model = ShortLink
        fields = ["state"]

    def in_state(self, rows: QuerySet[ShortLink], name: str, value: str) -> QuerySet[ShortLink]:
        if value == ShortLink.State.STOPPED:
            return rows.filter(stopped_at__isnull=False)
        rows = rows.filter(stopped_at=None)
        now = timezone.now()
        return rows.filter(expires_at__gt=now) if value == "active" else rows.filter(expires_at__lte=now)


class CopyColumn(Column):
    """The short address with a button that copies it."""

    def cell(self, row: ShortLink) -> Any:
        return SafeString(render_to_string("marketing/links/copy_cell.html", {"url": row.url}))


class LinkList(ListPage):
    permission = PERMISSION
    title = _("Short links")
    intro = _("Short addresses for SMS and posters, and who follows them.")
    template_name = "marketing/links/list.html"
    filterset_class = LinkFilter
    search_fields = ("name", "target", "code")
    ordering = "-created_at"
    create_url_name = "links:new"
    create_label = _("New short link")
    export_name = "short-links"
    empty_icon = "link"
    empty_title = _("No short links yet")
    empty_text = _("Make a short address that leads to a page of yours.")
    columns = (
        TextColumn("name", _("Name"), sort="name", link=True, below="target", css="text-break"),
        CopyColumn("url", _("Short link")),
        NumberColumn("views", _("Clicks"), sort="views"),
        NumberColumn("people", _("People"), sort="people"),
        BadgeColumn(
            "state",
            _("State"),
            label_of=lambda row: row.state.label,
            hint=lambda row: STATE_HINTS.get(row.state, ""),
        ),
        DateColumn("expires_at", _("Valid until"), sort="expires_at"),
    )
    bulk_actions = (
        BulkAction(
            "stop",
            _("Stop"),
            services.stop,
            confirm=_("Stop the ticked links? Whoever follows them sees that they have ended."),
        ),
        BulkAction(
            "delete",
            _("Remove"),
            services.delete,
            danger=True,
            confirm=_("Remove the ticked links with their clicks? They cannot be brought back."),
        ),
    )

    def get_queryset(self) -> QuerySet[ShortLink]:
        return queries.counted(self.workspace)

    def row_url(self, row: ShortLink) -> str:
        return self.reverse("links:detail", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        may_write = self.access.can("insight.datasource.manage")
        return super().get_context(may_write_table=may_write, **more)


class NewLink(DialogFormPage):
    event = "link-made"
    dialog_template_name = "marketing/links/new_dialog.html"
    permission = PERMISSION
    title = _("New short link")
    template_name = "marketing/links/new.html"
    form_class = LinkForm
    submit_label = _("Create")
    success_message = _("The short link leads on from now.")
    back_url_name = "links:list"

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        domains = LinkDomain.objects.in_workspace(self.workspace)
        return {"domains": domains, "may_add_domain": self.access.is_admin}

    def told(self, obj: ShortLink) -> dict[str, Any]:
        return {"id": obj.pk, "name": obj.name, "url": obj.url}

    def save(self, form: LinkForm, obj: Any) -> ShortLink:
        return services.create(self.access, **form.cleaned_data)

    def success_url(self, obj: ShortLink) -> str:
        return self.reverse("links:detail", pk=obj.pk)


class LinkChoice(WorkspaceView):
    """A part of pages on which an SMS is written: the links that lead on, narrowed by `q`, to be put into the text."""

    permission = PERMISSION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rows = queries.active(self.workspace, request.GET.get("q", "").strip())
        page = Paginator(rows, CHOICE).get_page(request.GET.get("page"))
        context = {"page": page, "q": request.GET.get("q", ""), "choice_url": request.path}
        return self.render("marketing/links/choice.html", context)


class LinkDetail(LinkMixin, DetailPage):
    template_name = "marketing/links/detail.html"
    back_url_name = "links:list"
    back_label = _("Short links")

    def facts(self, obj: ShortLink) -> list[Fact]:
        return [
            Fact(_("Leads to"), obj.target),
            Fact(_("Valid until"), obj.expires_at),
            Fact(_("Made"), obj.created_at),
            Fact(_("Passes parameters on"), _("Yes") if obj.forward_query else _("No")),
            Fact(_("Owner"), obj.owner),
        ]

    def extra(self, obj: ShortLink) -> dict[str, Any]:
        found = queries.numbers(obj)
        people = [
            {**row, "mobile": queries.masked(obj, row["person"])}
            for row in queries.people(obj)[:SHOWN_PEOPLE]
        ]
        return {
            "uses": where_used.of(self.access, obj),
            "may_change": services.may_change(self.access, obj),
            "may_keep": self.access.can("insight.audience.filter"),
            "tiles": [
                (_("Clicks"), found["clicks"], ""),
                (_("People"), found["people"], _("Named people, and browsers of one day")),
                (_("Named people"), found["named"], _("Whose mobile number is known")),
                (_("Machines"), found["machines"], _("In no other number")),
            ],
            "numbers": found,
            "series": _series(obj),
            "shares": [
                {"label": label, "rows": _labelled(queries.by(obj, field), field), "total": found["clicks"]}
                for field, label in (
                    ("device", _("Device")),
                    ("system", _("Operating system")),
                    ("region", _("Region")),
                )
            ],
            "named": people,
        }


def _series(link: ShortLink) -> dict[str, Any]:
    """What the charts draw: clicks and people by day, and by hour of the day."""
    days = [{**row, "label": row["day"].isoformat()} for row in queries.by_day(link)]
    hours = [{**row, "label": f"{row['hour']:02d}:00"} for row in queries.by_hour(link)]
    names = ("label", "clicks", "people")
    return {
        "day": [{name: row[name] for name in names} for row in days],
        "hour": [{name: row[name] for name in names} for row in hours],
    }


def _labelled(rows: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    names: dict[str, Any] = dict(LinkClick.Device.choices) if field == "device" else {}
    return [{**row, "label": names.get(row["value"], row["value"]) or _("Unknown")} for row in rows]


class RenameLink(OwnLinkMixin, FormPage):
    title = _("Rename the short link")
    form_class = RenameForm
    back_url_name = "links:list"
    success_message = _("Saved.")

    def initial(self, obj: ShortLink) -> dict[str, Any]:
        return {"name": obj.name}

    def save(self, form: RenameForm, obj: ShortLink) -> ShortLink:
        return services.rename(self.access, obj, form.cleaned_data["name"])

    def success_url(self, obj: ShortLink) -> str:
        return self.link_url(obj)


class ExtendLink(OwnLinkMixin, FormPage):
    title = _("Extend the short link")
    form_class = ExtendForm
    submit_label = _("Extend")
    back_url_name = "links:list"
    success_message = _("The short link leads on.")

    def save(self, form: ExtendForm, obj: ShortLink) -> ShortLink:
        return services.extend(self.access, obj, form.cleaned_data["days"])

    def success_url(self, obj: ShortLink) -> str:
        return self.link_url(obj)


class StopLink(LinkMixin, ActionView):
    success_message = _("Stopped: the link leads nowhere now.")

    def act(self, obj: ShortLink) -> ShortLink:
        return services.stop(self.access, obj)

    def success_url(self, obj: ShortLink, result: Any) -> str:
        return self.link_url(obj)


class DeleteLink(LinkMixin, DeletePage):
    back_url_name = "links:list"

    def consequences(self, obj: ShortLink) -> list[Any]:
        return [_("Whoever follows it sees that there is no such link. Its clicks go with it.")]

    def blockers(self, obj: ShortLink) -> list[str]:
        return usage.users(obj)

    def delete(self, obj: ShortLink) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
