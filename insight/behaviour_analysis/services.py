"""Audiences of parts of funnels, retention and paths: by a rule where one says the same, else kept as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insight.audiences import fixed
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.behaviour_analysis import funnel, paths, retention
from insight.behaviour_analysis.funnel import Funnel
from insight.behaviour_analysis.paths import Paths
from insight.behaviour_analysis.retention import Retention


def from_funnel(
    asked: Funnel, step: Any, outcome: Any, data: Mapping[str, Any], value: Any = None
) -> Audience:
    """Who reached a step of a funnel, or reached it and no further; all, or those of a value of its split.

    Raises ValidationFailed.
    """
    part = step, outcome, value
    rule = funnel.rule_at(asked, *part)
    if rule is not None:
        return audiences.create(asked.ground.access, {**data, "rule": rule})
    people, words = funnel.people_at(asked, *part), funnel.part_words(asked, *part)
    return fixed.keep(asked.ground.access, asked.ground.dataset, people, words, data)


def from_retention(
    asked: Retention, cohort: Any, offset: Any, data: Mapping[str, Any], value: Any = None
) -> Audience:
    """Those of a cohort who came back so many periods later; with 0 all of the cohort. All, or those of a value.

    Raises ValidationFailed.
    """
    rule = retention.rule_at(asked, cohort, offset, value)
    return audiences.create(asked.ground.access, {**data, "rule": rule})


def from_paths(
    asked: Paths, level: Any, after: str | None, before: str | None, data: Mapping[str, Any]
) -> Audience:
    """Who is at a node of the paths, or went along a link; without `after` those whose path ended there.

    Raises ValidationFailed.
    """
    people = paths.people_at(asked, level, after, before)
    words = paths.part_words(asked, level, after, before)
    return fixed.keep(asked.ground.access, asked.ground.dataset, people, words, data)
