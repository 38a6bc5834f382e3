"""Console pages of how the users of an AIPL model moved between stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cdp.console.generic import WorkspaceView
from cdp.core.csv_export import table_response
from insight.aipl import services
from insight.aipl.api import day_of
from insight.aipl.pages import LABELS, NAVIGATION
from insight.aipl.users_pages import ModelView
from insight.audiences.model_leaves import NO_STAGE
from insight.datasets import aipl_days
from insight.datasets.aipl_days import STAGES
from insight.datasets.models import Dataset

FLOW_DAYS = 14
LOST = "lost"


class FlowPage(ModelView):
    """What became of each stage's users between two days."""

    title = gettext_lazy("AIPL flow")
    template_name = "insight/aipl/flow.html"

    def figures(self, model: Dataset, days: list[date]) -> dict[str, Any]:
        last = self.picked("to", days, days[-1])
        earlier = [day for day in days if day < last]
        if not earlier:
            return {"to": str(last), "first_days": [], "flow": None}
        wanted = last - timedelta(days=FLOW_DAYS)
        usual = next((day for day in reversed(earlier) if day <= wanted), earlier[0])
        first = self.picked("from", earlier, usual)
        found = aipl_days.flow(model, first, last)
        return {
            "from": str(first),
            "to": str(last),
            "first_days": [str(day) for day in reversed(earlier)],
            "flow": found,
            "span": ngettext("%(count)d day", "%(count)d days", (last - first).days)
            % {"count": (last - first).days},
            "stages": [self.stage(model, found, stage) for stage in STAGES],
            "sankey": self.sankey(model, found),
            "csv_query": urlencode({"from": first, "to": last}),
            "labels": LABELS,
        }

    def moved(self, model: Dataset, flow: aipl_days.Flow, before: Sequence[str], after: Sequence[str]) -> str:
        """The way to an audience of those who were at one of some stages, then at one of others; "" without a right."""
        if not self.access.can("insight.audience.filter"):
            return ""
        days = {"from": str(flow.first), "to": str(flow.last)}
        ways = [
            {"from": stage, "to": [to for to in after if stage != NO_STAGE or to != LOST]} for stage in before
        ]
        return self.audience_url({"kind": "aipl", "dataset": model.pk, "flow": {**days, "transitions": ways}})

    def stage(self, model: Dataset, flow: aipl_days.Flow, key: str) -> dict[str, Any]:
        """A stage: what became of its users, and where its users came from, each with the way to an audience."""
        found = flow.stages[key]

        def part(label: str, tone: str, users: int, before: str, after: str) -> dict[str, Any]:
            url = self.moved(model, flow, [before], [after]) if users else ""
            return {"label": label, "tone": tone, "users": users, "url": url}

        became = [
            part(_("became %(stage)s") % {"stage": LABELS[target]}, "moved", users, key, target)
            for target, users in found.converted.items()
        ]
        lost = {**part(_("lost"), "lost", found.lost, key, LOST), "rate": found.loss_rate}
        arrived = [
            part(_("came from %(stage)s") % {"stage": LABELS[before]}, "moved", users, before, key)
            for before, users in found.arrived.items()
        ]
        stayed = part(_("stayed"), "", found.stayed, key, key)
        return {
            "key": key,
            "label": LABELS[key],
            "found": found,
            "left": _with_widths([stayed, *became, lost]),
            "came": _with_widths([stayed, *arrived, part(_("new"), "", found.new, NO_STAGE, key)]),
        }

    def sankey(self, model: Dataset, flow: aipl_days.Flow) -> dict[str, Any]:
        """Nodes and links: stages of the first day on the left, of the last on the right."""
        links = [
            {
                "source": f"from:{before or NO_STAGE}",
                "target": f"to:{after or LOST}",
                "value": users,
                "url": self.moved(model, flow, [before or NO_STAGE], [after or LOST]),
            }
            for (before, after), users in flow.matrix.items()
            if users
        ]
        used = {end for link in links for end in (link["source"], link["target"])}
        befores = {**LABELS, NO_STAGE: _("New")}
        afters = {**LABELS, LOST: _("Lost")}
        nodes: list[tuple[str, Any, list[str], list[str]]] = [
            *((f"from:{key}", label, [key], list(afters)) for key, label in befores.items()),
            *(
                (f"to:{key}", label, list(STAGES if key == LOST else befores), [key])
                for key, label in afters.items()
            ),
        ]
        return {
            "nodes": [
                {"name": name, "label": str(label), "url": self.moved(model, flow, before, after)}
                for name, label, before, after in nodes
                if name in used
            ],
            "links": links,
        }


def _with_widths(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts with the widths of their bars, of which the longest is full."""
    most = max(1, *(part["users"] for part in parts))
    return [{**part, "width": 100 * part["users"] / most} for part in parts]


class FlowCsv(WorkspaceView):
    """The flow of a model between ?from= and ?to= as a table: a line per stage before, a column per stage after."""

    permission = NAVIGATION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        model = services.get(self.access, kwargs["pk"])
        first, last = (day_of(request.GET.get(name), name) for name in ("from", "to"))
        if first is None or last is None:
            return HttpResponseRedirect(self.reverse("aipl:flow"))
        flow = aipl_days.flow(model, first, last)
        head = [f"{first} → {last}", *(str(LABELS[stage]) for stage in STAGES), _("Lost"), _("Together")]
        rows = []
        for before in (*STAGES, None):
            counts = [flow.matrix.get((before, stage), 0) for stage in (*STAGES, None)]
            rows.append([str(LABELS[before]) if before else _("New"), *counts, sum(counts)])
        return table_response(f"aipl-{first}-{last}", head, rows)
