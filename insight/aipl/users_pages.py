"""Console pages of how many users an AIPL model has at each stage, and what pages about its days have in common."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.core.errors import DomainError, ValidationFailed
from insight.aipl import services
from insight.aipl.api import day_of
from insight.aipl.pages import LABELS, NAVIGATION
from insight.datasets import aipl_days
from insight.datasets.aipl_days import STAGES
from insight.datasets.chart_links import computing
from insight.datasets.models import Dataset


class ModelView(WorkspaceView):
    """A page about one of the models, chosen by ?model=; with a hint where there is none yet."""

    permission = NAVIGATION

    def chosen(self) -> tuple[Dataset | None, list[Dataset]]:
        offered = services.models(self.access)
        wanted = self.request.GET.get("model", "")
        return next((row for row in offered if row.pk == wanted), offered[0] if offered else None), offered

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        model, offered = self.chosen()
        try:
            return self.show(model, offered)
        except DomainError as error:
            if error.status < 500:
                raise
            # Where one model's database does not answer, another model can still be chosen.
            context = self.get_context(model=model, models=offered, problem=error)
            return self.render("insight/aipl/away.html", context, status=error.status)

    def show(self, model: Dataset | None, offered: list[Dataset]) -> HttpResponse:
        days = aipl_days.computed_days(model) if model else []
        context = self.get_context(
            model=model,
            models=offered,
            days=[str(day) for day in reversed(days)],
            may_create=self.access.can("insight.dataset.create"),
            may_select=self.access.can("insight.audience.filter"),
        )
        if model is None or not days:
            context |= computing(self.access, model) if model else {}
            return self.render("insight/aipl/none.html", context)
        return self.render(self.template_name, {**context, **self.figures(model, days)})

    def figures(self, model: Dataset, days: list[date]) -> dict[str, Any]:
        raise NotImplementedError

    def picked(self, name: str, days: list[date], default: date) -> date:
        """A computed day of the address, `default` for anything else."""
        try:
            day = day_of(self.request.GET.get(name), name)
        except ValidationFailed:
            return default
        return day if day in days else default

    def audience_url(self, leaf: dict[str, Any]) -> str:
        """The rule builder with this condition, ready to be saved."""
        return f"{self.reverse('audiences:new')}?{urlencode({'rule': json.dumps(leaf)})}"


class Users(ModelView):
    """How many users are at each stage on a day, and how that has gone in the days before."""

    title = gettext_lazy("AIPL users")
    template_name = "insight/aipl/users.html"

    def figures(self, model: Dataset, days: list[date]) -> dict[str, Any]:
        day = self.picked("date", days, days[-1])
        found = services.overview(model, day)
        total = found["users"]
        leaf = {"kind": "aipl", "dataset": model.pk}
        return {
            "day": str(day),
            "latest": found["latest"],
            "today": found["today"],
            "users": total,
            "stages": [
                {
                    "key": stage,
                    "label": LABELS[stage],
                    "users": found["stages"][stage],
                    "percent": found["percents"][stage] if total else None,
                    "url": self.audience_url({**leaf, "stages": [stage]}),
                }
                for stage in STAGES
            ],
            "trend": {
                "labels": {stage: str(LABELS[stage]) for stage in STAGES},
                "days": services.trend(model, day),
            },
        }
