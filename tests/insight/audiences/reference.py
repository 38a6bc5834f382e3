"""A slow, obvious evaluation of rules over rows in Python lists: what the compiler is held to.

Written from the rule language's description and sharing no code with the compiler: it walks the JSON itself.
"""

from __future__ import annotations

import calendar
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

Row = dict[str, Any]


class World:
    """Datasets by ID: {"kind": "tags", "types": {tag: type}, "rows": [...]} or {"kind": "behaviour", "form",
    "rows": [...], "base_attribute"}; audiences by ID: lists of user IDs.

    `identities` are people, each with their IDs by type; all datasets and audiences know theirs by `mobile`.
    """

    def __init__(
        self,
        datasets: dict[str, Any],
        audiences: dict[str, list[str]],
        today: date,
        identities: Sequence[dict[str, list[str]]] = (),
    ) -> None:
        self.datasets, self.audiences, self.today = datasets, audiences, today
        self.identities = identities

    def people(self, node: Any) -> set[str]:
        if "op" in node:
            sets = [self.people(item) for item in node["items"]]
            result = set(sets[0])
            for other in sets[1:]:
                if node["op"] == "union":
                    result = result | other
                elif node["op"] == "intersect":
                    result = result & other
                else:
                    result = result - other
            return result
        if "map" in node:
            return self.translated(node)
        if node["kind"] == "audience":
            return set(self.audiences[node["audience"]])
        dataset = self.datasets[node["dataset"]]
        if node["kind"] == "tag":
            kind = dataset["types"][node["tag"]]
            return {
                row["user_unique_id"] for row in dataset["rows"] if self.tag(row[node["tag"]], kind, node)
            }
        if node["kind"] == "rfm":
            return {row["user_unique_id"] for row in dataset["rows"] if rfm_matches(row, node)}
        if node["kind"] == "aipl":
            return self.stages(node, dataset)
        if node["kind"] == "sequence":
            return self.sequence(node, dataset)
        return self.behaviour(node, dataset)

    def translated(self, leaf: Any) -> set[str]:
        """All IDs of the wanted type of everybody who is among the leaf's users by their mobile number."""
        found: set[str] = set()
        users = self.untranslated(leaf)
        for person in self.identities:
            if users & set(person.get("mobile", [])):
                found |= set(person.get(leaf["map"]["to"], []))
        return found

    def unmatched(self, leaf: Any) -> set[str]:
        """The leaf's users without an ID of the wanted type."""
        known = [person for person in self.identities if person.get(leaf["map"]["to"])]
        return self.untranslated(leaf) - {user for person in known for user in person.get("mobile", [])}

    def untranslated(self, leaf: Any) -> set[str]:
        return self.people({key: value for key, value in leaf.items() if key != "map"})

    def stages(self, leaf: Any, dataset: Any) -> set[str]:
        def on(day: date) -> dict[str, str]:
            return {row["user_unique_id"]: row["stage"] for row in dataset["rows"] if row["day"] == day}

        if "stages" in leaf:
            latest = on(max(dataset["computed"]))
            return {user for user, stage in latest.items() if stage in leaf["stages"]}
        first, last = (on(self.flow_day(leaf["flow"][end])) for end in ("from", "to"))
        found = set()
        for move in leaf["flow"]["transitions"]:
            for user in first.keys() | last.keys():
                stage, then = first.get(user, "none"), last.get(user)
                reached = {then or "lost"} | ({"converted"} if then and then != stage else set())
                if stage == move["from"] and reached & set(move["to"]):
                    found.add(user)
        return found

    def flow_day(self, given: Any) -> date:
        return (
            date.fromisoformat(given)
            if isinstance(given, str)
            else moved(self.today, given["offset"], given["unit"])
        )

    def sequence(self, leaf: Any, dataset: Any) -> set[str]:
        per_user: dict[str, list[Row]] = {}
        for row in dataset["rows"]:
            if in_window(row["at"], leaf.get("window", {"kind": "any"}), self.today):
                per_user.setdefault(row["user_unique_id"], []).append(row)
        steps = leaf["steps"]
        return {
            user
            for user, rows in per_user.items()
            if any(
                self.is_record(row, steps[0], dataset) and self.goes_on(row, steps[1:], rows, dataset)
                for row in rows
            )
        }

    def goes_on(self, before: Row, steps: list[Any], rows: list[Row], dataset: Any) -> bool:
        """Whether some records, each after the other, follow `before` as the steps ask: all ways are tried."""
        if not steps:
            return True
        step = steps[0]
        return any(
            self.is_record(row, step, dataset)
            and self.follows(before, row, step, rows, dataset)
            and self.goes_on(row, steps[1:], rows, dataset)
            for row in rows
        )

    def follows(self, before: Row, row: Row, step: Any, rows: list[Row], dataset: Any) -> bool:
        if not before["at"] < row["at"]:
            return False
        gap = step.get("within")
        if gap and row["at"] - before["at"] > timedelta(**gap):
            return False
        pairs = dataset["form"] == "key_value"
        for name in step.get("same") or []:
            column = "object_value" if pairs else name
            if not row[column] or row[column] != before[column]:
                return False
        return not any(
            before["at"] < other["at"] < row["at"]
            and self.is_record(other, barrier, dataset)
            and all(
                other["object_value" if pairs else name] == row["object_value" if pairs else name]
                for name in barrier.get("same") or []
            )
            for barrier in step.get("not_between") or []
            for other in rows
        )

    def tag(self, value: Any, kind: str, leaf: Any) -> bool:
        operator, wanted = leaf["operator"], leaf.get("value")
        present = value is not None and value != "" and value != []
        if operator == "empty":
            return not present
        if operator == "not_empty":
            return present
        if not present:
            return False
        if kind in ("enum", "text"):
            return text_matches(value, operator, wanted, leaf.get("ignore_case", False))
        if kind == "multi":
            wished = {nfc(w) for w in wanted}
            if operator == "contains":
                return bool(wished & set(value))
            if operator == "contains_all":
                return wished <= set(value)
            return not (wished & set(value))
        if kind == "number":
            return number_matches(value, operator, wanted)
        if operator == "anniversary_within":
            return self.anniversary(value, wanted["days"])
        inside = in_window(value, wanted, self.today)
        return inside if operator == "within" else not inside

    def anniversary(self, value: date, days: int) -> bool:
        for offset in range(days + 1):
            day = self.today + timedelta(days=offset)
            if (value.month, value.day) == (day.month, day.day):
                return True
            born_on_leap_day = (value.month, value.day) == (2, 29)
            if born_on_leap_day and (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
                return True
        return False

    def behaviour(self, leaf: Any, dataset: Any) -> set[str]:
        per_user: dict[str, list[Row]] = {}
        for row in dataset["rows"]:
            if self.row_counts(row, leaf, dataset):
                per_user.setdefault(row["user_unique_id"], []).append(row)
        having = leaf.get("having") or {"measure": "times", "operator": ">=", "value": 1}
        did = {user for user, rows in per_user.items() if self.having(having, rows)}
        if leaf.get("did", True):
            return did
        base = self.datasets[leaf["base"]] if leaf.get("base") else dataset
        return {row["user_unique_id"] for row in base["rows"]} - did

    def row_counts(self, row: Row, leaf: Any, dataset: Any) -> bool:
        return in_window(row["at"], leaf.get("window", {"kind": "any"}), self.today) and self.is_record(
            row, leaf, dataset
        )

    def is_record(self, row: Row, leaf: Any, dataset: Any) -> bool:
        if leaf.get("type") is not None and row["type"] not in leaf["type"]:
            return False
        if leaf.get("channel") is not None and row["channel"] not in leaf["channel"]:
            return False
        objects = leaf.get("objects") or []
        if dataset["form"] == "key_value":
            name = objects[0]["name"] if objects else dataset["base_attribute"]
            if row["object_key"] != name:
                return False
            return all(object_matches(row["object_value"], item) for item in objects)
        return all(object_matches(row[item["name"]], item) for item in objects)

    def having(self, node: Any, rows: list[Row]) -> bool:
        if "op" in node:
            answers = [self.having(item, rows) for item in node["items"]]
            return all(answers) if node["op"] == "and" else any(answers)
        times = sum(1 if row["count"] is None else row["count"] for row in rows)
        amount = sum(row["amount"] or 0 for row in rows)
        measure, operator, wanted = node["measure"], node["operator"], node["value"]
        if measure in ("last_at", "first_at"):
            moment = (
                max(row["at"] for row in rows) if measure == "last_at" else min(row["at"] for row in rows)
            )
            return moment_matches(moment, operator, wanted, self.today)
        if measure == "amount_per_time" and times == 0:
            return False
        totals = {
            "times": times,
            "amount": amount,
            "days": len({row["at"].date() for row in rows}),
            "amount_per_time": amount / times if times else 0,
        }
        return number_matches(totals[measure], operator, wanted)


def rfm_matches(row: Row, leaf: Any) -> bool:
    if "types" in leaf:
        return row["type"] in leaf["types"]
    if "min_scores" in leaf:
        return all(row[f"{name}s"] >= least for name, least in leaf["min_scores"].items())
    return all(
        (low is None or row[name] >= low) and (high is None or row[name] <= high)
        for name, (low, high) in leaf["ranges"].items()
    )


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def lower(text: str) -> str:
    """Letter by letter: a sigma at the end of a word is a sigma."""
    return "".join(letter.lower() for letter in text)


def object_matches(value: Any, item: Any) -> bool:
    operator = item.get("operator", "in")
    present = value is not None and value != ""
    if operator == "any":
        return True
    if operator in ("empty", "not_empty"):
        return present == (operator == "not_empty")
    return present and text_matches(value, operator, item["value"], False)


def text_matches(value: str, operator: str, wanted: list[str], ignore_case: bool) -> bool:
    wishes = [nfc(w) for w in wanted if w.strip()]
    if ignore_case:
        value, wishes = lower(value), [lower(w) for w in wishes]
    positive = operator.removeprefix("not_")
    found = {
        "in": value in wishes,
        "contains": any(w in value for w in wishes),
        "starts_with": any(value.startswith(w) for w in wishes),
        "ends_with": any(value.endswith(w) for w in wishes),
    }[positive]
    return found if positive == operator else not found


def number_matches(value: float, operator: str, wanted: Any) -> bool:
    if operator == "between":
        return bool(wanted[0] <= value <= wanted[1])
    if operator == "not_between":
        return not wanted[0] <= value <= wanted[1]
    return bool(
        {
            "=": value == wanted,
            "!=": value != wanted,
            ">": value > wanted,
            ">=": value >= wanted,
            "<": value < wanted,
            "<=": value <= wanted,
        }[operator]
    )


def moment_matches(moment: datetime, operator: str, wanted: Any, today: date) -> bool:
    if operator == "within":
        return in_window(moment, wanted, today)
    if operator == "between":
        return in_window(moment, {"kind": "between", "from": wanted[0], "to": wanted[1]}, today)
    value: Any = moment
    other: Any = datetime.fromisoformat(wanted)
    if len(wanted) == 10:
        value, other = moment.date(), date.fromisoformat(wanted)
    return number_matches(value, operator, other)


def in_window(value: Any, window: Any, today: date) -> bool:
    """Whether a date or datetime lies in a window: by whole days, unless the window names a time of day."""
    kind = window["kind"]
    if kind == "any":
        return True
    day = value.date() if isinstance(value, datetime) else value
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if kind == "between":
        return not earlier(day, moment, window["from"]) and not later(day, moment, window["to"])
    if kind == "before":
        return earlier(day, moment, window["at"])
    if kind == "after":
        return later(day, moment, window["at"])
    if kind in ("last_days", "next_days"):
        first, last = (-window["days"], -1) if kind == "last_days" else (1, window["days"])
        if window.get("include_today"):
            first, last = (first + 1, 0) if kind == "last_days" else (0, last - 1)
        return bool(first <= (day - today).days <= last)
    if kind == "relative":
        begin = moved(today, window["from"]["offset"], window["from"]["unit"])
        end = moved(today, window["to"]["offset"], window["to"]["unit"])
        return begin <= day <= end
    return unit_number(day, window["unit"]) == unit_number(today, window["unit"]) + window.get("offset", 0)


def earlier(day: date, moment: datetime, bound: str) -> bool:
    return day < date.fromisoformat(bound) if len(bound) == 10 else moment < datetime.fromisoformat(bound)


def later(day: date, moment: datetime, bound: str) -> bool:
    return day > date.fromisoformat(bound) if len(bound) == 10 else moment > datetime.fromisoformat(bound)


def unit_number(day: date, unit: str) -> int:
    """Consecutive numbers of days, weeks (Monday first), months, quarters, years."""
    return {
        "day": day.toordinal(),
        "week": (day.toordinal() - 1) // 7,
        "month": day.year * 12 + day.month,
        "quarter": day.year * 4 + (day.month - 1) // 3,
        "year": day.year,
    }[unit]


def moved(day: date, offset: int, unit: str) -> date:
    if unit == "day":
        return day + timedelta(days=offset)
    if unit == "week":
        return day + timedelta(days=7 * offset)
    months = {"month": 1, "quarter": 3, "year": 12}[unit] * offset
    year, month = day.year, day.month
    for _step in range(abs(months)):
        month += 1 if months > 0 else -1
        if month == 13:
            year, month = year + 1, 1
        elif month == 0:
            year, month = year - 1, 12
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
