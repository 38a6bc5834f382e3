"""Live counts and a look at the people while a rule is being edited. Nothing here is stored."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from django.core.cache import cache

from cdp.core.access import Access
from cdp.warehouse import Engine, cancellable
from insight.audiences import identities, rules, tag_values
from insight.audiences.compiler import (
    CountQuery,
    compile_counts,
    compile_rule,
    compile_unmatched,
    count_nodes,
)
from insight.audiences.masking import Masker
from insight.audiences.rule_checks import checked_rule
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.summary import summarise

CACHE_SECONDS = 24 * 3600
PREVIEW_ROWS = 100
PREVIEW_TAGS = 20
USER = "user_unique_id"


def preview_counts(access: Access, data: Any, *, token: str = "") -> dict[str, Any]:
    """People of each condition, each group and the whole rule.

    `{"count", "conditions": [{"path", "count"}], "groups": [...], "elapsed_ms"}`. A newer call with the same `token`
    interrupts this one, which then raises Cancelled. A condition that is translated also has `unmatched`, the people
    for whom no ID of that type is known. Cached by rule, day and versions of what it reads.
    """
    started = time.perf_counter()
    catalog = WorkspaceCatalog(access.workspace, access=access)
    rule = checked_rule(access, data, catalog=catalog)
    return count_parts(access, rule, catalog, token=token, started=started)


def count_parts(
    access: Access, rule: rules.Rule, catalog: WorkspaceCatalog, *, token: str, started: float
) -> dict[str, Any]:
    """The counts of `preview_counts` for a rule that was checked with the catalog."""
    today = catalog.today
    catalog.note_versions(rule)
    name = _cache_name("counts", access, rule, catalog, str(today))
    found: tuple[dict[str, int], dict[str, int]] | None = cache.get(name)
    if found is None:
        with cancellable(f"{access.workspace.pk}:{access.user.pk}:{token}" if token else ""):
            counted = _run(catalog.engine, compile_counts(rule, catalog, today=today))
            lost = _run(catalog.engine, compile_unmatched(rule, catalog, today=today))
        found = counted, lost
        cache.set(name, found, CACHE_SECONDS)
    counts, unmatched = found
    leaf_paths = {path for path, _leaf in rules.leaves(rule)}
    return {
        "count": counts[""],
        "conditions": [
            {"path": path, "count": counts[path]}
            | ({"unmatched": unmatched[path]} if path in unmatched else {})
            for path in sorted(leaf_paths, key=_order)
        ],
        "groups": [
            {"path": path, "count": count}
            for path, count in sorted(counts.items(), key=lambda item: _order(item[0]))
            if path and path not in leaf_paths
        ],
        "elapsed_ms": round((time.perf_counter() - started) * 1000),
    }


def preview_steps(access: Access, data: Any, *, token: str = "") -> dict[str, Any]:
    """How many people each condition leaves over, group by group, exactly.

    `{"count", "groups": [{"path", "op", "steps": [{"path", "text", "alone", "left"}]}]}`: `alone` fulfil the item by
    itself, `left` are there after it and all before it. A newer call with the same `token` interrupts this one.
    """
    catalog = WorkspaceCatalog(access.workspace, access=access)
    rule = checked_rule(access, data, catalog=catalog)
    today = catalog.today
    groups = [(path, node) for path, node in rules.nodes(rule) if isinstance(node, rules.Group)]
    beginnings = [
        (f"{path}|{length}", rules.Group(group.op, group.items[:length]))
        for path, group in groups
        for length in range(2, len(group.items))
    ]
    with cancellable(f"{access.workspace.pk}:{access.user.pk}:{token}" if token else ""):
        counts = _run(catalog.engine, count_nodes([*rules.nodes(rule), *beginnings], catalog, today=today))

    def steps(path: str, group: rules.Group) -> Iterator[dict[str, Any]]:
        for place, item in enumerate(group.items):
            below = rules.join(path, f"items/{place}")
            whole = place == len(group.items) - 1
            left = counts[below] if place == 0 else counts[path if whole else f"{path}|{place + 1}"]
            text = summarise(item, catalog)
            yield {"path": below, "text": text, "alone": counts[below], "left": left}

    return {
        "count": counts[""],
        "groups": [
            {"path": path, "op": group.op, "steps": list(steps(path, group))} for path, group in groups
        ],
    }


def preview_members(access: Access, data: Any, *, size: int = PREVIEW_ROWS) -> dict[str, Any]:
    """Up to a hundred people of the rule with the values of the tags it asks about, IDs masked without the right.

    `{"count", "columns": [{"key", "label"}], "rows": [[…]]}`
    """
    catalog = WorkspaceCatalog(access.workspace, access=access)
    rule = checked_rule(access, data, catalog=catalog)
    engine = catalog.engine
    people = compile_rule(rule, catalog, today=catalog.today)
    count = int(engine.scalar(people.count()))
    shown = people.order_by(USER).limit(max(1, min(size, PREVIEW_ROWS)))
    columns: list[dict[str, str]] = [{"key": USER, "label": identities.identifier_label(rule, catalog)}]
    tags = tag_values.tags_of(rule, catalog)[:PREVIEW_TAGS]
    expression = tag_values.with_tags(shown, [(tag.dataset, tag.column) for tag in tags], catalog)
    rows = [list(row.values()) for row in engine.execute(expression.order_by(USER)).to_pylist()]
    masker = Masker(access)
    mask = masker.for_type(identities.user_id_type(rule, catalog))
    masker.note(None, place="preview of a rule", rows=len(rows))
    columns += [{"key": f"{tag.dataset}.{tag.column}", "label": tag.label} for tag in tags]
    return {
        "count": count,
        "columns": columns,
        "rows": [[mask(row[0]), *(_plain(value) for value in row[1:])] for row in rows],
    }


def _run(engine: Engine, queries: Sequence[CountQuery]) -> dict[str, int]:
    """Run the count queries side by side; each is one scan or one set computation."""

    def one(query: CountQuery) -> dict[str, int]:
        row = engine.execute(query.expression).to_pylist()[0]
        return {path: int(row[f"n{place}"]) for place, path in enumerate(query.paths)}

    if len(queries) < 2:
        return one(queries[0]) if queries else {}
    counts: dict[str, int] = {}
    with ThreadPoolExecutor(max_workers=min(4, len(queries)), thread_name_prefix="count") as pool:
        # A copied context carries the cancel scope into each thread.
        running = [pool.submit(copy_context().run, one, query) for query in queries]
        for found in running:
            counts.update(found.result())
    return counts


def _cache_name(what: str, access: Access, rule: rules.Rule, catalog: WorkspaceCatalog, *more: str) -> str:
    versions = json.dumps([catalog.dataset_versions, catalog.audience_versions], sort_keys=True)
    parts = (what, str(access.workspace.pk), rules.canonical_hash(rule), versions, catalog.rows_digest())
    text = "\n".join((*parts, *more))
    return f"audience:{hashlib.sha256(text.encode()).hexdigest()}"


def _order(path: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in path.split("/"))


def _plain(value: Any) -> Any:
    """A tag value as JSON: dates as ISO text."""
    return (
        value.isoformat(sep=" ")
        if hasattr(value, "hour")
        else value.isoformat()
        if hasattr(value, "year")
        else value
    )
