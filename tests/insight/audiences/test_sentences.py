"""Every kind of rule reads as one sentence in each of the console's languages: `sentences.json` holds them all.

After a wanted change of words, `KEEP_SENTENCES=1` writes the file anew; what has changed is then read in its diff.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from insight.audiences.leaves import OPERATORS, Comparison, ObjectFilter
from insight.audiences.rules import KINDS, OPERATIONS, parse_rule
from insight.audiences.summary import AIPL_STAGES, RFM_TYPES, summarise
from insight.audiences.windows import WINDOW_KINDS
from tests.insight.audiences.engine import Engine
from tests.insight.audiences.test_rules_match_reference import rules
from tests.insight.audiences.test_summary import AGE, MEMBER, SPENT, did, engine, tag, total

__all__ = ["engine"]
LANGUAGES = [code for code, _name in settings.LANGUAGES]
FILE = Path(__file__).with_name("sentences.json")
TYPES = {"enum": "age_band", "text": "city", "multi": "interests", "number": "spend", "date": "joined"}
UNITS = ("day", "week", "month", "quarter", "year")
WINDOWS: dict[str, dict[str, Any]] = {
    "any": {"kind": "any"},
    "between days": {"kind": "between", "from": "2026-03-01", "to": "2026-05-31"},
    "between times": {"kind": "between", "from": "2026-03-01T08:30:00", "to": "2026-03-01T20:00:00"},
    "before": {"kind": "before", "at": "2026-03-01"},
    "after": {"kind": "after", "at": "2026-03-01T08:30:00"},
    **{
        f"{kind} {days}{' with today' if today else ''}": {
            "kind": kind,
            "days": days,
            **({"include_today": True} if today else {}),
        }
        for kind in ("last_days", "next_days")
        for days in (1, 30)
        for today in (False, True)
    },
    **{
        f"period {unit} {offset:+}": {"kind": "period", "unit": unit, "offset": offset}
        for unit in UNITS
        for offset in (-3, -1, 0, 1, 3)
    },
    **{
        f"relative {unit}": {
            "kind": "relative",
            "from": {"offset": -2, "unit": unit},
            "to": {"offset": 1, "unit": unit},
        }
        for unit in UNITS
    },
    "relative until today": {
        "kind": "relative",
        "from": {"offset": -1, "unit": "month"},
        "to": {"offset": 0, "unit": "day"},
    },
}


def value_of(operator: str) -> Any:
    if operator in ("empty", "not_empty", "any"):
        return None
    if operator in ("within", "not_within"):
        return WINDOWS["last_days 30"]
    if operator == "anniversary_within":
        return {"days": 7}
    if operator in ("between", "not_between"):
        return [1, 2.5]
    return 3 if operator in ("=", "!=", ">", ">=", "<", "<=") else ["a", "b"]


def limits() -> Iterator[tuple[str, dict[str, Any]]]:
    """A limit of each measure with each comparison."""
    for measure in choices(Comparison, "measure"):
        moment = measure in ("last_at", "first_at")
        for operator in choices(Comparison, "operator"):
            if operator == "within" and not moment:
                continue
            value: Any = value_of(operator)
            if moment and operator != "within":
                value = ["2026-03-01", "2026-05-31"] if operator == "between" else "2026-03-01"
            yield f"{measure} {operator}", total(measure, operator, value)


def choices(model: Any, name: str) -> tuple[str, ...]:
    return get_args(model.model_fields[name].annotation)


def asks(operator: str) -> dict[str, Any]:
    value = value_of(operator)
    return {"name": "category", "operator": operator, **({} if value is None else {"value": value})}


def rfm(**way: Any) -> dict[str, Any]:
    return {"kind": "rfm", "dataset": "model", **way}


def aipl(**way: Any) -> dict[str, Any]:
    return {"kind": "aipl", "dataset": "model", **way}


SAMPLES: dict[str, Any] = {
    **{
        f"tag {kind} {operator}": tag(name, operator, value_of(operator))
        for kind, name in TYPES.items()
        for operator in sorted(OPERATORS[kind])
    },
    "tag of today's day and month": tag("joined", "anniversary_within", {"days": 0}),
    "tag of many values": tag("city", "in", list("abcdefg")),
    **{f"window {name}": tag("joined", "within", window) for name, window in WINDOWS.items()},
    "behaviour": did(),
    "behaviour anything": {"kind": "behaviour", "dataset": "orders"},
    "behaviour by channel": did(channel=["app", "web"], window=WINDOWS["last_days 30"]),
    "behaviour not done": did(did=False, window=WINDOWS["period month -1"]),
    "behaviour not done of": did(did=False, base="people"),
    **{f"object {operator}": did(objects=[asks(operator)]) for operator in choices(ObjectFilter, "operator")},
    **{f"limit {name}": did(having=limit) for name, limit in limits()},
    "limits": did(
        having={
            "op": "or",
            "items": [
                total("times", ">=", 1),
                {"op": "and", "items": [total("amount", ">", 20), total("days", "=", 1)]},
            ],
        }
    ),
    "sequence": {
        "kind": "sequence",
        "dataset": "orders",
        "steps": [
            {"type": ["view"]},
            {
                "type": ["purchase"],
                "objects": [asks("starts_with")],
                "channel": ["app"],
                "within": {"days": 7},
                "same": ["category"],
                "not_between": [{"type": ["return"], "same": ["category"]}, {}],
            },
            {"within": {"hours": 1}},
            {"type": ["visit"], "within": {"minutes": 30}},
        ],
        "window": WINDOWS["last_days 30"],
    },
    **{f"rfm {name}": rfm(types=[name]) for name in RFM_TYPES},
    "rfm types": rfm(types=["high_value", "key_keep", "potential"]),
    "rfm scores": rfm(min_scores={"r": 3, "f": 2.5, "m": 1}),
    "rfm ranges": rfm(ranges={"r_days": [0, 30], "f": [2, None], "m": [None, 1000]}),
    "aipl stages": aipl(stages=["A", "I", "P", "L"]),
    "aipl flow": aipl(
        flow={
            "from": {"offset": -2, "unit": "week"},
            "to": "2026-03-01",
            "transitions": [{"from": "A", "to": list(AIPL_STAGES)}, {"from": "L", "to": ["lost"]}],
        }
    ),
    "audience": MEMBER,
    "audience snapshot": {**MEMBER, "snapshot": 3},
    "translated": {**AGE, "map": {"to": "mobile"}},
    **{f"group {op}": {"op": op, "items": [AGE, SPENT, MEMBER]} for op in OPERATIONS},
    "groups": {
        "op": "union",
        "items": [AGE, {"op": "subtract", "items": [SPENT, {"op": "intersect", "items": [MEMBER, did()]}]}],
    },
}


def sentences(engine: Engine, language: str) -> dict[str, str]:
    with translation.override(language):
        return {name: summarise(parse_rule(rule), engine) for name, rule in SAMPLES.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_reads_as_it_did(engine: Engine, language: str) -> None:
    found = sentences(engine, language)
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    if os.environ.get("KEEP_SENTENCES") == "1":
        kept[language] = found
        FILE.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    assert found == kept[language]


def test_the_samples_ask_all_that_rules_can_ask() -> None:
    used: dict[str, set[str]] = {}

    def look(part: Any) -> None:
        for name, value in part.items() if isinstance(part, dict) else enumerate(part):
            if isinstance(value, dict | list):
                look(value)
            else:
                used.setdefault(str(name), set()).add(str(value))

    look(list(SAMPLES.values()))
    assert used["kind"] >= {*KINDS, *WINDOW_KINDS}
    assert used["op"] == {*OPERATIONS, "and", "or"}
    assert used["unit"] == set(UNITS)
    asked = {
        *choices(ObjectFilter, "operator"),
        *choices(Comparison, "operator"),
        *set().union(*OPERATORS.values()),
    }
    assert used["operator"] == asked and used["measure"] == set(choices(Comparison, "measure"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_in_another_language(engine: Engine, language: str) -> None:
    """What is not translated would read as in English."""
    english = sentences(engine, "en")
    left = [
        name
        for name, sentence in sentences(engine, language).items()
        if language != "en" and (sentence == english[name] or not re.search("[\u4e00-\u9fff]", sentence))
    ]
    assert left == []


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=rules)
def test_any_rule_is_one_line_without_a_hole(engine: Engine, rule: Any) -> None:
    for language in LANGUAGES:
        with translation.override(language):
            sentence = summarise(parse_rule(rule), engine)
        assert sentence == sentence.strip() and sentence
        assert "\n" not in sentence and "%(" not in sentence and "None" not in sentence
