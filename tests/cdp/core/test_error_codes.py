"""The integrator guide lists every error code that the source can answer with, and no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.test import Client

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs/integrator-guide/errors.md"
PACKAGES = ("cdp", "admin_center", "insight", "marketing")
# The sandbox plays a foreign platform; the demo and the runtime answer no requests.
ELSEWHERE = ("marketing/sandbox", "cdp/demo", "cdp/runtime")
# Calls whose `code` is something else: an SMTP answer, a platform's report, a column.
OTHER_CALLS = ("Outcome", "BatchReceipt", "update")
# Codes of the REST framework itself, which has no word of ours for them.
OF_THE_FRAMEWORK = {"parse_error": {400}, "not_acceptable": {406}, "unsupported_media_type": {415}}
CODE = re.compile(r"[a-z][a-z_]+")


def trees() -> Iterator[ast.Module]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" not in name and not name.startswith(ELSEWHERE):
                yield ast.parse(path.read_text(encoding="utf-8"))


def text(node: ast.AST | None) -> str:
    """A string constant that could be a code."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and CODE.fullmatch(value) else ""


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def error_classes(modules: list[ast.Module]) -> dict[str, tuple[str, int]]:
    """Code and status of DomainError and everything below it."""
    known: dict[str, tuple[str, int]] = {"DomainError": ("invalid", 400)}
    found = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    for _round in found:
        before = len(known)
        for node in found:
            parents = [known[base] for base in map(name_of, node.bases) if base in known]
            if node.name not in known and parents:
                own: dict[str, Any] = dict(zip(("code", "status"), parents[0], strict=True))
                for line in node.body:
                    if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
                        own[name_of(line.targets[0])] = line.value.value
                known[node.name] = own["code"], own["status"]
        if len(known) == before:
            break
    return known


def codes() -> dict[str, set[int]]:
    """Every code of the source with the statuses that can be read off there."""
    modules = list(trees())
    classes = error_classes(modules)
    found: dict[str, set[int]] = defaultdict(set)
    for code, status in classes.values():
        found[code].add(status)
    for node in (node for module in modules for node in ast.walk(module)):
        if isinstance(node, ast.Call):
            _of_call(node, classes, found)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if text(key) == "error_code" and text(value):
                    found[text(value)].add(0)
        elif isinstance(node, ast.Assign) and name_of(node.targets[0]) == "_CODES":
            for status, code in ast.literal_eval(node.value).items():
                found[code].add(status)
    return {**found, **OF_THE_FRAMEWORK}


def _of_call(node: ast.Call, classes: dict[str, tuple[str, int]], found: dict[str, set[int]]) -> None:
    called = name_of(node.func)
    given = {word.arg: word.value for word in node.keywords}
    if text(given.get("code")) and called not in OTHER_CALLS:
        status = given.get("status")
        usual = classes.get(called, ("", 0))[1]
        found[text(given["code"])].add(status.value if isinstance(status, ast.Constant) else usual)  # type: ignore[arg-type]
    elif called == "_answer" and len(node.args) > 2 and text(node.args[2]):
        found[text(node.args[2])].add(ast.literal_eval(node.args[1]))
    elif called == "RuleInvalid" and len(node.args) > 1:
        for part in ast.walk(node.args[1]):
            if text(part):
                found[text(part)].add(400)


def documented() -> dict[str, set[int]]:
    """Codes and statuses of the guide's tables."""
    rows = re.findall(
        r"^\| `([a-z_]+)` \| ([0-9, –]+) \| \S", GUIDE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len({code for code, _statuses in rows}) == len(rows)
    return {code: {int(status) for status in re.findall(r"\d{3}", statuses)} for code, statuses in rows}


def test_every_code_of_the_source_is_in_the_guide_and_no_other() -> None:
    assert set(documented()) == set(codes())


def test_the_guide_gives_the_statuses_of_the_source() -> None:
    # Nothing but the class of the error says what an unexpected one in a job has: the request's is 500.
    special = {"internal_error": {500}}
    wrong = {
        code: (statuses, documented().get(code))
        for code, statuses in (codes() | special).items()
        if not statuses - {0} <= documented().get(code, set())
    }
    assert not wrong


def test_the_address_in_a_problem_document_leads_to_the_guide(db: None) -> None:
    answer = Client().get("/docs/errors", follow=True)
    assert answer.status_code == 200 and 'id="lost_update"' in answer.content.decode()
