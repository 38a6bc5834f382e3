"""The rule builder in a real browser over rules of every kind: each is finished, can be edited, and stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight.audiences.leaves import OPERATORS, Comparison, ObjectFilter
from insight.audiences.models import Audience
from insight.audiences.rules import parse_rule, to_json
from tests.e2e.shop import Shop
from tests.e2e.test_from_rule_to_members import add, wait_for_total
from tests.insight.audiences.test_rules_match_reference import TYPES, rules

OBJECTS = [{"name": name, "label": name} for name in ("category", "product")]
BEHAVIOUR = {"has_channel": True, "has_amount": True, "has_count": True, "objects": OBJECTS}
KNOWN = {
    "single": {"tags": TYPES},
    "several": {"tags": TYPES},
    "wide": {"behaviour": {**BEHAVIOUR, "object_form": "wide", "base_object": ""}},
    "pairs": {"behaviour": {**BEHAVIOUR, "object_form": "keyvalue", "base_object": "product"}},
    "rfm": {},
    "aipl": {"days": ["2021-12-01", "2021-12-09", "2021-12-16"]},
}
LOAD = """async (known) => {
  // Their plain fields hold the same values, and there are thousands of them here.
  delete window.TomSelect;
  delete window.flatpickr;
  const base = document.querySelector("script[src*='rule-builder/main']").src.replace(/main[^/]*$/, "");
  const load = (name) => import(`${base}${name}.js`);
  const [leaves, havings, tree, { Fields }] = await Promise.all(["leaves", "havings", "tree", "fields"].map(load));
  const editors = {};
  for (const kind of ["tag", "behaviour", "sequence", "rfm", "aipl", "audience"]) {
    editors[kind] = (await load(`editor-${kind}`))[`${kind}Editor`];
  }
  const datasets = Object.keys(known).map((id) => ({ id, name: id, kind: "tags" in known[id] ? "user_tags" : id }));
  const fields = new Fields({}, datasets, [{ id: "aud_1", name: "One" }, { id: "aud_2", name: "Two" }]);
  for (const [id, { tags = {}, ...info }] of Object.entries(known)) {
    const tag = (column, type) => [column, { column, type, name: column, time: column === "date" }];
    const byColumn = new Map(Object.entries(tags).map(([column, type]) => tag(column, type)));
    fields.loaded.set(id, { ...info, tags: [...byColumn.values()], byColumn });
  }
  const never = new Promise(() => {});
  const api = { values: () => never, snapshots: () => never };
  window.known = { leaves, havings, tree, fields, api, editors };
}"""
LOOK = """(rules) => rules.map((rule) => {
  const { leaves, tree, fields, api, editors } = window.known;
  const root = tree.fromRule(rule);
  const found = { unfinished: [], changed: [], unknown: [] };
  for (const { leaf } of tree.leaves(root)) {
    const before = JSON.stringify(leaf);
    if (!leaves.isComplete(leaf, fields)) found.unfinished.push(leaf);
    leaves.describe(leaf, fields);
    const options = { fields, api, update: (changed) => found.changed.push(changed), alsoEmpty() {} };
    const selects = [...editors[leaf.kind](leaf, options).querySelectorAll("select:not([multiple])")];
    if (selects.some((select) => select.selectedIndex < 0)) found.unknown.push(leaf);
    if (JSON.stringify(leaf) !== before) found.changed.push(leaf);
  }
  found.rule = tree.toRule(root, (leaf) => leaves.isComplete(leaf, fields)).rule;
  return found;
})"""
OFFERED = """() => {
  const { leaves, havings } = window.known;
  const keys = (rows) => rows.map(([key]) => key);
  return {
    tags: Object.fromEntries(Object.entries(leaves.OPERATORS).map(([type, rows]) => [type, keys(rows)])),
    objects: keys(leaves.objectOperators(true)),
    measures: keys(havings.MEASURES),
    numbers: keys(havings.comparisonsOf("times")),
    moments: keys(havings.comparisonsOf("last_at")),
  };
}"""


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


@pytest.fixture
def builder(shop: Shop, tab: Any, sign_in: Callable[[Any], str]) -> Any:
    tab.goto(f"{sign_in(shop.access)}audiences/new/")
    tab.evaluate(LOAD, KNOWN)
    return tab


def unwrapped(rule: Any) -> Any:
    """Without groups around a single item, which the builder takes away."""
    if "op" not in rule:
        return rule
    items = [unwrapped(item) for item in rule["items"]]
    return items[0] if len(items) == 1 else {"op": rule["op"], "items": items}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=st.lists(rules, min_size=5, max_size=10))
def test_rules_of_every_kind_are_finished_and_come_back_as_they_were(builder: Any, asked: list[Any]) -> None:
    # As they were sent, and as they are stored.
    asked = [*asked, *(to_json(parse_rule(rule)) for rule in asked)]
    for rule, found in zip(asked, builder.evaluate(LOOK, asked), strict=True):
        assert (found["unfinished"], found["changed"], found["unknown"]) == ([], [], []), rule
        assert found["rule"] == unwrapped(rule)


def test_everything_that_rules_can_ask_is_offered(builder: Any) -> None:
    offered = builder.evaluate(OFFERED)
    assert {kind: set(found) for kind, found in offered["tags"].items()} == OPERATORS

    def choices(model: Any, field: str) -> set[str]:
        return set(model.model_fields[field].annotation.__args__)

    assert set(offered["objects"]) == choices(ObjectFilter, "operator")
    assert set(offered["measures"]) == choices(Comparison, "measure")
    assert set(offered["moments"]) == choices(Comparison, "operator")
    assert set(offered["numbers"]) == choices(Comparison, "operator") - {"within"}


def test_the_last_time_is_limited_and_a_group_of_limits_added(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    tab.goto(f"{sign_in(shop.access)}audiences/new/")
    add(tab, "purchase", "Behaviour")
    editor = tab.locator("[data-rb=editor]")
    editor.get_by_label("Time", exact=True).first.select_option("any")
    wait_for_total(tab, 5)
    editor.get_by_role("button", name="Add a limit").click()
    editor.get_by_label("Measure").select_option("last_at")
    editor.get_by_label("Comparison").select_option(">=")
    expect(tab.locator(".rb-card")).to_contain_text("Unfinished")
    editor.get_by_label("Date", exact=True).fill("2026-02-05")
    editor.get_by_label("Time of day").fill("08:30")
    editor.get_by_label("Time of day").press("Tab")
    # m1 bought last on 5 February, at midnight, and m2 on 5 March.
    wait_for_total(tab, 1)
    editor.get_by_role("button", name="Add a group of limits").click()
    inner = editor.get_by_role("group", name="Group of limits")
    inner.get_by_label("Number").fill("1")
    wait_for_total(tab, 1)
    tab.locator("[data-rb=close-editor]").click()
    tab.fill("[name=name]", "Lately")
    tab.get_by_role("button", name="Save audience").first.click()
    tab.wait_for_url("**/audiences/")
    assert Audience.objects.get(name="Lately").rule["having"] == {
        "op": "and",
        "items": [
            {"measure": "last_at", "operator": ">=", "value": "2026-02-05T08:30:00"},
            {"op": "or", "items": [{"measure": "times", "operator": ">=", "value": 1}]},
        ],
    }
