"""The page of what is recorded of messages, and how to bring it up to date."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import ActionView, Column, DateColumn, ListPage, NumberColumn
from cdp.console.generic.base import WorkspaceView
from marketing.outcomes import jobs, queries
from marketing.outcomes.models import EventTable


class _SeesSendOuts(WorkspaceView):
    """For people who see the send-outs of any channel."""

    def permission_point(self) -> str:
        return jobs.point_of(self.access)


class Overview(_SeesSendOuts, ListPage):
    template_name = "marketing/outcomes/overview.html"
    title = _("Message events")
    intro = _(
        "What happened to your messages: sent, delivered, failed, opened, clicked, replied, unsubscribed. It stays "
        "here when the recipients of a send-out are no longer kept, and rules of audiences can ask for it."
    )
    ordering = "id_type"
    empty_icon = "history"
    empty_title = _("Nothing has happened yet")
    empty_text = _(
        "A dataset of behaviour is made here by itself as soon as the first message has been sent."
    )
    columns = (
        Column("dataset", _("Dataset"), link=True, value=lambda row: row.dataset or "–"),
        Column("id_type", _("People are known by"), value="known_by"),
        NumberColumn("events", _("Events"), value="table.rows"),
        NumberColumn("users", _("People"), value=lambda row: row.dataset.users if row.dataset else None),
        DateColumn("written", _("Last new event"), value="table.loaded_at"),
        DateColumn("refreshed", _("Dataset refreshed"), value="dataset.refreshed_at"),
    )

    def get_queryset(self) -> QuerySet[EventTable]:
        return queries.event_tables(self.workspace)

    def fetched(self, rows: Any) -> None:
        self.seen = queries.seen_datasets(self.access)

    def row_url(self, row: EventTable) -> str:
        return self.reverse("datasets:detail", row.dataset_id) if row.dataset_id in self.seen else ""

    def get_context(self, **more: Any) -> dict[str, Any]:
        found = {
            "updated_at": queries.updated_at(self.workspace),
            "job": queries.active_job(self.workspace),
        }
        return super().get_context(**found, **more)


class Update(_SeesSendOuts, ActionView):
    """Compare everything with the ledger now."""

    success_message = _("The message events are being brought up to date.")

    def get_object(self) -> None:
        return None

    def act(self, obj: None) -> Any:
        return jobs.update(self.access)

    def success_url(self, obj: None, result: Any) -> str:
        return self.reverse("outcomes:overview")
