"""Small parts of the audience list that are fetched when somebody points at a row: source, snapshots, menu."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cdp.console.generic import WorkspaceView
from insight.audiences import (
    applications,
    campaign_links,
    extras,
    lineage,
    origins,
    queue,
    visibility,
    wording,
)
from insight.audiences.list_columns import state_hint, state_label
from insight.audiences.pages import SEE, OneAudience

MOST_STATES = 100


class Card(OneAudience):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = self.get_object()
        context = {"audience": audience, "may_download": visibility.may_download(self.access, audience)}
        return self.render(self.template_name, self.get_context(**context, **self.more(audience)))

    def more(self, audience: Any) -> dict[str, Any]:
        raise NotImplementedError


class SourceCard(Card):
    """What the audience is made of."""

    template_name = "insight/audiences/source_card.html"

    def more(self, audience: Any) -> dict[str, Any]:
        return {
            "origin": origins.label_of(audience),
            "words": wording.of(self.access, audience),
            "made_from": lineage.made_from(audience),
        }


class SnapshotsCard(Card):
    template_name = "insight/audiences/snapshots_card.html"

    def more(self, audience: Any) -> dict[str, Any]:
        return {"kept": audience.versions.filter(is_snapshot=True)}


class MenuCard(Card):
    """What the person may do with the audience."""

    template_name = "insight/audiences/menu_card.html"

    def more(self, audience: Any) -> dict[str, Any]:
        return {
            "actions": origins.actions_of(audience),
            "list_url": self.list_url("audiences:list"),
            "may_change": visibility.may_change(self.access, audience),
            "may_select": self.access.can("insight.audience.filter"),
            "may_analyse": self.access.can("insight.audience.analysis"),
            "edit_url": campaign_links.edit_url(self.access, audience),
            "offers": applications.offers(self.access, audience),
            "entries": extras.EXTRAS.entries(self.access, audience),
        }


class States(WorkspaceView):
    """The present states and sizes of the audiences in `?row=`, put into the list by htmx while they are computed."""

    permission = SEE
    template_name = "insight/audiences/states.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        keys = request.GET.getlist("row")[:MOST_STATES]
        rows = list(visibility.visible(self.access).filter(pk__in=keys))
        places = queue.places(self.workspace)
        found = [
            {"audience": row, "label": state_label(row, places), "hint": state_hint(row)} for row in rows
        ]
        busy = [row.pk for row in rows if row.is_busy]
        return self.render(self.template_name, self.get_context(found=found, busy=busy))
