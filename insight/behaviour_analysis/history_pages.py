"""Pages of an audience over time."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import WorkspaceView
from cdp.core.csv_export import table_response
from cdp.core.errors import NotFound
from cdp.core.timezones import zone
from insight.audiences import origins, queries, visibility
from insight.audiences.fixed_pages import KeepPeople
from insight.audiences.identities import Identity, identity_of_version
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.snapshots import kept_version
from insight.behaviour_analysis import history
from insight.behaviour_analysis.forms import enum_tags


class HistoryView(WorkspaceView):
    permission = "insight.audience.analysis"

    def composition(
        self, audience: Audience, tags: list[dict[str, Any]]
    ) -> tuple[str, dict[str, Any] | None]:
        """The tag of ?tag= (dataset:column), the first one unless given, and how it spreads in each version."""
        keys = [tag["key"] for tag in tags]
        wanted = self.request.GET.get("tag", "")
        chosen = wanted if wanted in keys else keys[0] if keys else ""
        dataset, _colon, tag = chosen.partition(":")
        return chosen, history.composition(self.access, audience, dataset, tag) if tag else None


def _known_by(audience: Audience) -> Identity:
    version = queries.latest_version(audience)
    return identity_of_version(version) if version else Identity(audience.user_id_type)


class HistoryPage(HistoryView):
    title = gettext_lazy("Over time")
    template_name = "insight/behaviour/history.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = history.get(self.access, kwargs["pk"])
        versions = self.linked(audience, history.sizes(audience))
        tags = enum_tags(self, _known_by(audience))
        chosen, composition = self.composition(audience, tags)
        csv_url = self.reverse("behaviour:history-csv", audience.pk)
        if composition:
            composition = self.with_ways(audience, chosen, composition)
        shares = _shares(composition, versions) if composition else []
        context = self.get_context(
            audience=audience,
            back_url=self.reverse("audiences:detail", audience.pk),
            back_label=audience.name,
            versions=[{**row, "when": datetime.fromisoformat(row["at"])} for row in reversed(versions)],
            tags=tags,
            chosen=chosen,
            composition=composition,
            composition_values=composition["values"] if composition else [],
            shares=shares,
            csv_url=f"{csv_url}?{urlencode({'tag': chosen})}",
            may_keep=self.may_keep(audience),
            data={"versions": versions, "composition": composition},
        )
        return self.render(self.template_name, context)

    def may_keep(self, audience: Audience) -> bool:
        """Whether the person may make audiences of those who were in at a version, which keeps it as a snapshot."""
        return (
            self.access.can("insight.audience.filter")
            and visibility.may_change(self.access, audience)
            and "combine" in origins.actions_of(audience)
        )

    def with_ways(self, audience: Audience, chosen: str, composition: dict[str, Any]) -> dict[str, Any]:
        """The composition with `urls` beside the counts of each version: the ways to audiences of these people."""
        may_keep = self.may_keep(audience)

        def url(number: int, value: dict[str, Any], count: int) -> str:
            if not may_keep or not count or value["kind"] == history.OTHER:
                return ""
            query = urlencode({"tag": chosen, "value": value["value"] or ""})
            return f"{self.reverse('behaviour:history-audience', audience.pk, number)}?{query}"

        rows = [
            {
                **row,
                "urls": [
                    url(row["number"], value, count)
                    for value, count in zip(composition["values"], row["counts"], strict=True)
                ],
            }
            for row in composition["versions"]
        ]
        return {**composition, "versions": rows}

    def linked(self, audience: Audience, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The versions with the ways to an audience of each, and to those who joined and left since the one before."""
        may_keep, compare = self.may_keep(audience), self.reverse("audiences:compare", audience.pk)
        found = []
        for before, row in zip([None, *versions], versions, strict=False):
            both = before and before["kept"] and row["kept"]
            found.append(
                {
                    **row,
                    "url": self.reverse("behaviour:history-audience", audience.pk, row["number"])
                    if may_keep and row["kept"] and row["count"]
                    else "",
                    "changes_url": f"{compare}?{urlencode({'from': before['number'], 'to': row['number']})}"
                    if both and (row["joined"] or row["left"])
                    else "",
                }
            )
        return found


def _shares(composition: dict[str, Any], versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of the table: the versions whose members are kept, latest first."""
    times = {row["number"]: datetime.fromisoformat(row["at"]) for row in versions}
    return [
        {
            "number": row["number"],
            "when": times.get(row["number"]),
            "cells": list(zip(row["counts"], row["urls"], strict=True)),
        }
        for row in reversed(composition["versions"])
    ]


class KeepVersion(KeepPeople):
    """An audience of those who were in at a version; with ?tag= (dataset:column) and ?value= of some of them."""

    title = gettext_lazy("Audience of a version")
    template_name = "insight/behaviour/keep_version.html"

    def permission_point(self) -> str:
        self.access.require(HistoryView.permission)
        return self.permission

    @cached_property
    def audience(self) -> Audience:
        return history.get(self.access, self.kwargs["pk"])

    @cached_property
    def version(self) -> AudienceVersion:
        visibility.check_change(self.access, self.audience)
        return kept_version(self.audience, self.kwargs["number"])

    @cached_property
    def part(self) -> history.Part | None:
        dataset, _colon, tag = self.request.GET.get("tag", "").partition(":")
        if not tag:
            return None
        value = self.request.GET.get("value") or None
        return history.part_of({"dataset": dataset, "tag": tag, "value": value})

    @cached_property
    def shown(self) -> tuple[str, int]:
        """The label of the part and its people, as the composition shows them. Raises NotFound."""
        assert self.part is not None
        found = history.composition(self.access, self.audience, self.part.dataset, self.part.tag)
        counts = {row["number"]: row["counts"] for row in found["versions"]}.get(self.version.number, [])
        for value, count in zip(found["values"], counts, strict=False):
            if value["kind"] != history.OTHER and value["value"] == self.part.value:
                return str(value["label"]), int(count)
        raise NotFound()

    def words(self) -> str:
        day = timezone.localtime(self.version.created_at, zone(self.workspace)).date()
        said = _("Those who were in “%(name)s” on %(day)s, version %(number)d") % {
            "name": self.audience.name,
            "day": day,
            "number": self.version.number,
        }
        return f"{said} · {self.shown[0]}" if self.part else said

    def count(self) -> int:
        return self.shown[1] if self.part else self.version.count

    def keep(self, words: str, data: dict[str, Any]) -> Audience:
        given = {**data, "remark": data.get("remark") or words}
        return history.keep(self.access, self.audience, self.version.number, given, self.part)

    def analysis_url(self) -> str:
        return self.reverse("behaviour:history", self.audience.pk)


class HistoryCsv(HistoryView):
    """A line per version, with people per value of the tag."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        audience = history.get(self.access, kwargs["pk"])
        _chosen, composition = self.composition(audience, enum_tags(self, _known_by(audience)))
        values = composition["values"] if composition else []
        counts = {row["number"]: row["counts"] for row in composition["versions"]} if composition else {}
        head = [
            _("Version"),
            _("Computed"),
            _("People"),
            _("Joined"),
            _("Left"),
            *(row["label"] for row in values),
        ]
        rows = [
            [
                row["number"],
                row["at"],
                row["count"],
                row["joined"],
                row["left"],
                *counts.get(row["number"], []),
            ]
            for row in history.sizes(audience)
        ]
        return table_response(f"audience-{audience.pk}", head, rows)
