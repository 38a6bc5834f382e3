"""Pages of funnels."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.csv_export import table_response
from cdp.core.percentages import in_percent
from insight.audiences.fixed_pages import KeepPeople
from insight.audiences.models import Audience
from insight.behaviour_analysis import funnel, services
from insight.behaviour_analysis.asking import Ground
from insight.behaviour_analysis.builder_links import builder_url
from insight.behaviour_analysis.durations import duration
from insight.behaviour_analysis.forms import BehaviourView, Links, behaviour_of, split_given, split_tags
from insight.behaviour_analysis.funnel import LEAST_STEPS, MOST_STEPS, Funnel
from insight.datasets.models import Dataset

USUAL_STEPS, USUAL_DAYS = 3, 30
PARTS = ("type", "channel", "object", "value")


class FunnelView(BehaviourView):
    """`type_1`, `channel_1`, `object_1` and `value_1` describe the first step, and so on; `split` is dataset:tag."""

    page = "funnel"

    def pairs(self, dataset: Dataset) -> list[tuple[str, str]]:
        asked = self.request.GET
        known = [row["value"] for row in self.types(dataset)]
        steps = [
            {part: asked.get(f"{part}_{number}", "") for part in PARTS} for number in range(1, MOST_STEPS + 1)
        ]
        # Types of another dataset were chosen before this one was.
        steps = [step for step in steps if any(step.values()) and (not step["type"] or step["type"] in known)]
        if len(steps) < LEAST_STEPS:
            # The most frequent types, which mostly come first; of a single one, how many do it again.
            usual = known[:USUAL_STEPS] if len(known) > 1 else known * LEAST_STEPS
            steps = [{"type": value} for value in usual]
        found = [*self.common(dataset).items(), ("days", asked.get("days") or str(USUAL_DAYS))]
        found.append(("split", asked.get("split", "")))
        return [
            *found,
            *(
                (f"{part}_{number}", step[part])
                for number, step in enumerate(steps, start=1)
                for part in PARTS
                if step.get(part)
            ),
        ]

    def given(self, pairs: dict[str, str]) -> dict[str, Any]:
        steps = []
        for number in range(1, MOST_STEPS + 1):
            found = {part: pairs.get(f"{part}_{number}", "") for part in PARTS}
            if any(found.values()):
                steps.append(_step(found))
        steps += [{}] * (LEAST_STEPS - len(steps))
        return {**pairs, "steps": steps, "split": split_given(pairs["split"])}

    def asked(self, ground: Ground, given: dict[str, Any]) -> Funnel:
        return funnel.funnel_of(ground, given)


def _step(found: dict[str, str]) -> dict[str, Any]:
    step: dict[str, Any] = {}
    for part in ("type", "channel"):
        if found[part]:
            step[part] = [found[part]]
    if found["object"]:
        values = [value.strip() for value in found["value"].replace("，", ",").split(",") if value.strip()]
        step["objects"] = [
            {"name": found["object"], "operator": "in", "value": values}
            if values
            else {"name": found["object"], "operator": "not_empty"}
        ]
    return step


class FunnelPage(FunnelView):
    title = gettext_lazy("Funnel")
    template_name = "insight/behaviour/funnel.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.present(self.figures)

    def choices(self, dataset: Dataset) -> dict[str, Any]:
        pairs = dict(self.pairs(dataset))
        steps: list[dict[str, Any]] = [
            {"number": number, **{part: pairs.get(f"{part}_{number}", "") for part in PARTS}}
            for number in range(1, MOST_STEPS + 1)
        ]
        used = sum(any(step[part] for part in PARTS) for step in steps)
        return {
            **super().choices(dataset),
            **behaviour_of(self, dataset),
            "form_steps": [{**step, "hidden": step["number"] > max(used, LEAST_STEPS)} for step in steps],
            "tags": split_tags(self, dataset),
        }

    def figures(self, asked: Funnel, links: Links) -> dict[str, Any]:
        found = funnel.funnel(asked)
        steps = [
            {
                **step,
                "number": place,
                "width": 100 * (step["share"] or 0),
                "gap": duration(step["median_seconds"]),
                "reached_url": links.audience(step=place, outcome="reached") if step["users"] else "",
                "dropped_url": links.audience(step=place, outcome="dropped") if step["dropped"] else "",
                "dropped_width": 100 * step["dropped"] / found["people"] if step["dropped"] else 0,
            }
            for place, step in enumerate(found["steps"], start=1)
        ]
        last = steps[-1]
        return {
            "steps": steps,
            "people": found["people"],
            "overall": last["share"],
            "data": [
                {
                    **{part: step[part] for part in ("label", "users", "share", "rate")},
                    "url": step["reached_url"],
                }
                for step in steps
            ],
            "split": [
                {
                    **row,
                    "steps": [
                        {
                            **step,
                            "url": links.audience(step=place, outcome="reached", value=row["value"] or "")
                            if step["users"]
                            else "",
                        }
                        for place, step in enumerate(row["steps"], start=1)
                    ],
                }
                for row in found["split"] or []
            ],
            "csv_url": links.csv(),
        }


class FunnelCsv(FunnelView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = funnel.funnel(self.question())
        groups = [(_("All"), found["steps"]), *((row["label"], row["steps"]) for row in found["split"] or [])]
        head = [
            _("Group"),
            _("Step"),
            _("Behaviour"),
            _("People"),
            _("Share of the first step, %"),
            _("Share of the step before, %"),
            _("No further"),
            _("Median seconds since the step before"),
        ]
        rows = [
            [
                label,
                number,
                step["label"],
                step["users"],
                in_percent(step["share"]),
                in_percent(step["rate"]),
                step["dropped"],
                step["median_seconds"],
            ]
            for label, steps in groups
            for number, step in enumerate(steps, start=1)
        ]
        return table_response("funnel", head, rows)


class KeepFunnel(KeepPeople, FunnelView):
    """The people of ?step= and ?outcome= (reached or dropped), with ?value= those of a value of the split."""

    permission = KeepPeople.permission

    def part(self) -> tuple[str, str, str | None]:
        asked = self.request.GET
        return asked.get("step", ""), asked.get("outcome", ""), asked.get("value")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rule = funnel.rule_at(self.question(), *self.part())
        if rule is not None:
            return HttpResponseRedirect(builder_url(self, rule))
        return super().get(request, *args, **kwargs)

    def words(self) -> str:
        return funnel.part_words(self.question(), *self.part())

    def count(self) -> int:
        asked = self.question()
        people = funnel.people_at(asked, *self.part())
        return int(asked.ground.run(people.aggregate(users=people.count()))[0]["users"])

    def keep(self, words: str, data: dict[str, Any]) -> Audience:
        step, outcome, value = self.part()
        return services.from_funnel(self.question(), step, outcome, data, value)

    def analysis_url(self) -> str:
        return self.reverse("behaviour:funnel")
