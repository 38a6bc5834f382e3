"""Pages of the migration between RFM groups, and those that keep customers of an RFM analysis as an audience."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.core.csv_export import table_response
from cdp.core.errors import ValidationFailed
from insight.audiences.fixed_pages import KeepPeople
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from insight.rfm import buyers, figures, migration, services
from insight.rfm.api import days_of
from insight.rfm.figures import ANALYSE, Scope
from insight.rfm.migration import STATES, Migration

USUAL_DAYS = 90


class MigrationPage(WorkspaceView):
    """A table of the groups on two days; each cell can become an audience."""

    permission = ANALYSE
    title = gettext_lazy("RFM migration")
    template_name = "insight/rfm/migration.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        offered = [row for row in figures.models(self.access) if _is_possible(row)]
        wanted = request.GET.get("model", "")
        model = next((row for row in offered if row.pk == wanted), offered[0] if offered else None)
        context = self.get_context(model=model, models=offered)
        if model is None:
            may_create = self.access.can("insight.dataset.create")
            return self.render(self.template_name, {**context, "may_create": may_create})
        scope = figures.open_model(self.access, model.pk)
        first, last = self.days(scope)
        context |= {"from": str(first), "to": str(last), "latest": str(scope.as_of)}
        try:
            found = migration.migration(scope, first, last)
        except ValidationFailed as error:
            context["problem"] = " ".join(str(text) for texts in error.errors.values() for text in texts)
            return self.render(self.template_name, context, status=422)
        return self.render(self.template_name, {**context, **self.table(model, found)})

    def days(self, scope: Scope) -> tuple[date, date]:
        try:
            return days_of(self.request.GET)
        except ValidationFailed:
            return scope.as_of - timedelta(days=USUAL_DAYS), scope.as_of

    def table(self, model: Dataset, found: Migration) -> dict[str, Any]:
        query = {"model": model.pk, "from": found.first, "to": found.last}
        most = max([users for (before, after), users in found.matrix.items() if before != after], default=1)
        may_select = self.access.can("insight.audience.filter")
        rows = [
            {
                "label": services.group_label(before),
                "total": found.start(before),
                "cells": [
                    {
                        "label": services.group_label(after),
                        "users": users,
                        "same": before == after,
                        "heat": 0 if before == after else round(8 * users / most),
                        "url": self.reverse("rfm:migration-audience")
                        + f"?{urlencode({**query, 'before': before, 'after': after})}"
                        if may_select and users
                        else "",
                    }
                    for after in STATES
                    for users in [found.matrix.get((before, after), 0)]
                ],
            }
            for before in STATES
        ]
        return {
            "rows": rows,
            "columns": [(services.group_label(key), found.end(key)) for key in STATES],
            "total": sum(found.matrix.values()),
            "csv_url": f"{self.reverse('rfm:migration-csv')}?{urlencode(query)}",
        }


def _is_possible(model: Dataset) -> bool:
    return bool(model.version) and model.definition.get("input") != "customers"


class MigrationCsv(WorkspaceView):
    """The table: a line per group before, a column per group after."""

    permission = ANALYSE

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        scope = figures.open_model(self.access, request.GET.get("model", ""))
        found = migration.migration(scope, *days_of(request.GET))
        head = [f"{found.first} → {found.last}", *map(services.group_label, STATES), _("Together")]
        rows = [
            [
                services.group_label(before),
                *(found.matrix.get((before, after), 0) for after in STATES),
                found.start(before),
            ]
            for before in STATES
        ]
        return table_response(f"rfm-{found.first}-{found.last}", head, rows)


class KeepBuyers(KeepPeople):
    """The buyers of the day, week or month that begins on ?start=, of ?audience= where one is given."""

    def permission_point(self) -> str:
        self.access.require(figures.point(self.request.GET.get("audience", "")))
        return self.permission

    @cached_property
    def scope(self) -> Scope:
        asked = self.request.GET
        wanted = asked.get("audience", "")
        version = figures.audience_version(self.access, wanted)[1] if wanted else None
        translate = asked.get("translate") == "1"
        return figures.open_model(self.access, asked.get("model", ""), version, translate=translate)

    @property
    def start(self) -> str:
        return self.request.GET.get("start", "")

    def words(self) -> str:
        return buyers.words(self.scope, self.start)

    def count(self) -> int:
        return buyers.bucket_of(self.scope, self.start)[2]

    def keep(self, words: str, data: dict[str, Any]) -> Audience:
        return buyers.keep(self.scope, self.start, data)

    def analysis_url(self) -> str:
        audience = self.request.GET.get("audience", "")
        return self.reverse("rfm:audience", audience) if audience else self.reverse("rfm:analysis")


class KeepCell(KeepPeople):
    """The customers of a cell as an audience."""

    def scope(self) -> Scope:
        return figures.open_model(self.access, self.request.GET.get("model", ""))

    def cell(self) -> tuple[str, str]:
        return self.request.GET.get("before", ""), self.request.GET.get("after", "")

    def words(self) -> str:
        return services.cell_words(self.scope(), *days_of(self.request.GET), *self.cell())

    def count(self) -> int:
        found = migration.migration(self.scope(), *days_of(self.request.GET))
        return found.matrix.get(self.cell(), 0)

    def keep(self, words: str, data: dict[str, Any]) -> Audience:
        return services.keep_cell(self.scope(), *days_of(self.request.GET), *self.cell(), data)

    def analysis_url(self) -> str:
        return self.reverse("rfm:migration")
