"""IDs of another workspace inside bodies and queries are refused, and each of these calls works with one's own IDs."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db.models import Value
from django.db.models.functions import Concat

from insight.audiences import services
from insight.datasources.models import SourceTable
from marketing.content.models import Template
from tests.conftest import run_queued
from tests.factories import make_access
from tests.walking.full import Full, make_full
from tests.walking.test_workspaces import api, console, rows_of

Call = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def both(shared: Callable[..., tuple[Full, Full]]) -> tuple[Full, Full]:
    """Two workspaces of two organizations, which have the same things."""
    return shared(lambda: (make_full(run_queued), make_full(run_queued, make_access())))


@pytest.fixture
def mine(db: None, both: tuple[Full, Full]) -> Full:
    return deepcopy(both[0])


@pytest.fixture
def foreign(db: None, both: tuple[Full, Full]) -> Full:
    return deepcopy(both[1])


def calls(mine: Full, given: Full) -> list[Call]:
    """(method, path, body) of every API call that takes an ID in its body, with IDs of `given` in them."""
    own, other = mine.objects, given.objects
    rule, audience = given.world.women, other["api/audiences/"]["pk"]
    folder, dataset = other["api/audiences/folders/"]["pk"], other["api/datasets/"]["pk"]
    box, category = other["api/dataset-folders/"]["pk"], other["api/tag-categories/"]["pk"]
    shelf = other["api/material-folders/"]["pk"]
    members, provider = given.world.members.pk, other["api/providers/"]["pk"]
    template, signature = other["api/templates/"]["pk"], other["api/signatures/"]["pk"]
    sms, own_women = other["api/signatures/"]["provider"], mine.world.women
    own_audience = own["api/audiences/"]["pk"]
    send_out = f"send-outs/{own['api/send-outs/']['pk']}/"
    digital = {"channel": "sms", "subject": "Hats", "parts": [{"kind": "text", "text": "New hats"}]}
    picture = [{"kind": "image", "material": other["api/materials/"]["pk"]}]
    own_signature = own["api/signatures/"]["pk"]
    member = {"kind": "audience", "audience": audience}
    bought = {"kind": "behaviour", "dataset": given.world.orders.pk, "type": ["purchase"]}
    not_bought = {**mine.world.bought(), "did": False, "base": members}
    reach: dict[str, Any] = {
        "channel": "sms",
        "name": "Reach",
        "audience": own_audience,
        "provider": own["api/signatures/"]["provider"],
        "signature": own["api/signatures/"]["pk"],
        "template": own["api/templates/"]["pk"],
    }
    goods = other["w/item-pools/builder/"]["dataset"]
    old = {"kind": "tag", "dataset": goods, "tag": "age", "operator": "in", "value": ["30", "40"]}
    filled = {"city": {"dataset": members, "tag": "city", "missing": "replace", "value": "here"}}
    return [
        *(("post", f"audiences/{path}/", {"rule": rule}) for path in ("preview", "preview-members")),
        *(("post", f"audiences/{path}/", {"rule": rule}) for path in ("summary", "id-types")),
        ("post", "audiences/preview/", {"rule": {"op": "union", "items": [own_women, member]}}),
        ("post", "audiences/preview/", {"rule": bought}),
        ("post", "templates/", {**digital, "name": "Signed", "signature": signature}),
        (
            "post",
            "templates/",
            {**digital, "name": "Shown", "note": "x", "signature": own_signature, "parts": picture},
        ),
        ("post", "audiences/preview/", {"rule": not_bought}),
        ("post", "audiences/", {"name": "By tag", "rule": rule, "save_ids": ["one_id"]}),
        ("post", "audiences/", {"name": "By other", "rule": member, "save_ids": ["one_id"]}),
        (
            "post",
            "audiences/",
            {"name": "Filed", "rule": own_women, "save_ids": ["one_id"], "folder": folder},
        ),
        ("patch", f"audiences/{own_audience}/", {"rule": rule}),
        ("patch", f"audiences/{own_audience}/", {"folder": folder}),
        ("post", f"audiences/{own_audience}/copy/", {"name": "Copied", "folder": folder}),
        ("post", "audiences/move/", {"audiences": [audience], "folder": None}),
        ("post", "audiences/move/", {"audiences": [own_audience], "folder": folder}),
        ("post", "audiences/folders/", {"name": "Inside", "parent": folder}),
        (
            "post",
            "audiences/combine/",
            {
                "name": "Both",
                "inputs": [{"audience": own["second"]["pk"]}, {"audience": audience}],
                "operators": ["union"],
                "save_ids": ["one_id"],
            },
        ),
        (
            "post",
            f"audiences/{own_audience}/history/audiences/",
            {"version": 1, "part": {"dataset": members, "tag": "gender", "value": "f"}, "name": "Past"},
        ),
        ("post", "audiences/overlap/", {"audiences": [own["second"]["pk"], audience]}),
        (
            "post",
            "audiences/overlap/save/",
            {"audiences": [own["second"]["pk"], audience], "inside": [audience], "name": "Part"},
        ),
        ("post", "audiences/split/", {"audiences": [own["second"]["pk"], audience], "prefix": "Wave"}),
        ("post", "datasets/move/", {"datasets": [dataset], "folder": None}),
        ("post", "datasets/move/", {"datasets": [own["api/datasets/"]["pk"]], "folder": box}),
        ("post", "dataset-folders/", {"name": "Inside", "parent": box}),
        ("post", "materials/move/", {"materials": [other["api/materials/"]["pk"]], "folder": None}),
        ("post", "materials/move/", {"materials": [own["api/materials/"]["pk"]], "folder": shelf}),
        ("post", "material-folders/", {"name": "Inside", "parent": shelf}),
        ("patch", f"materials/{own['api/materials/']['pk']}/", {"folder": shelf}),
        ("patch", f"datasets/{own['api/datasets/']['pk']}/", {"folder": box}),
        ("post", "tag-categories/", {"name": "Inside", "parent": category}),
        ("post", "analysis/perspective/", {"dataset": members, "tags": ["gender"]}),
        (
            "post",
            "analysis/perspective/",
            {"dataset": mine.world.members.pk, "audience": audience, "tags": ["gender"]},
        ),
        ("post", "analysis/pivot/", {"datasets": [{"dataset": members, "tags": ["gender"]}]}),
        ("post", "analysis/significance/", {"audience": audience, "dataset": mine.world.members.pk}),
        ("put", "analysis/orders/", {"dataset": members, "tag": "gender", "values": ["f"]}),
        *(
            ("post", f"analysis/parts/{path}", {"audience": audience, "condition": mine.world.women})
            for path in ("", "preview/")
        ),
        *(
            ("post", "send-outs/", {**reach, "name": f"Reach by {name}", name: value})
            for name, value in (
                ("audience", audience),
                ("provider", sms),
                ("signature", signature),
                ("template", template),
            )
        ),
        ("patch", send_out, {"audience": audience}),
        ("patch", send_out, {"audiences": [audience]}),
        ("post", "send-outs/reach/", {"channel": "sms", "audiences": [audience]}),
        ("patch", send_out, {"template": template}),
        ("patch", send_out, {"signature": signature}),
        ("patch", send_out, {"provider": sms}),
        ("post", "send-outs/", {**reach, "template": own["with variable"]["pk"], "variables": filled}),
        *(
            ("post", f"item-pools/{path}", {"rule": old, **more})
            for path, more in (
                ("", {"name": "Old"}),
                ("estimate/", {}),
                ("preview-items/", {}),
                ("summary/", {}),
            )
        ),
        ("patch", f"item-pools/{own['api/item-pools/']['pk']}/", {"rule": old}),
        ("post", "replies/read/", {"replies": [other["api/replies/"]["pk"]]}),
        ("post", "sender-addresses/", {"provider": provider, "address": "b@example.com", "name": "B"}),
    ]


def name_of(call: Call) -> str:
    method, path, body = call
    return f"{method} {path} {sorted(body)}"


def add_more(full: Full) -> None:
    """A second audience, and a template with a variable."""
    everybody = full.world.tag("spend", "between", [0, 1000])
    second = services.create(full.world.access, {"name": "All", "rule": everybody, "save_ids": ["one_id"]})
    template = Template.objects.create(
        workspace=full.workspace, channel="sms", name="City", text="Hello in ${city}"
    )
    full.objects |= {"second": {"pk": second.pk}, "with variable": {"pk": template.pk}}


def mark(full: Full) -> None:
    """Name everything of a workspace so that a page that shows it can be told."""
    for model in apps.get_models():
        fields = {field.name for field in model._meta.fields}
        if {"workspace", "name"} <= fields and model is not SourceTable:
            rows = model._default_manager.filter(workspace=full.workspace)
            rows.update(name=Concat(Value("Foreign "), "name"))


def test_ids_of_another_workspace_inside_a_body_are_refused(mine: Full, foreign: Full, run_jobs: Any) -> None:
    for full in (mine, foreign):
        add_more(full)
    run_jobs()
    mark(foreign)
    client, base = api(mine.world.access), f"/api/v1/workspaces/{mine.workspace.slug}/"
    before, own_before = rows_of(foreign.workspace), rows_of(mine.workspace)
    refused = {}
    for call in calls(mine, foreign):
        method, path, body = call
        answer = getattr(client, method)(base + path, body, format="json")
        refused[name_of(call)] = answer.status_code
        assert "Foreign" not in answer.content.decode()
    assert {key: status for key, status in refused.items() if status not in (400, 403, 404)} == {}
    assert rows_of(foreign.workspace) == before
    assert rows_of(mine.workspace) == own_before

    # The same calls with one's own IDs are taken: it was the ID that was refused.
    taken = {}
    for call in calls(mine, mine):
        method, path, body = call
        answer = getattr(client, method)(base + path, body, format="json")
        taken[name_of(call)] = (answer.status_code, answer.content[:300])
    assert {key: answer for key, answer in taken.items() if answer[0] >= 300} == {}


def forms(mine: Full, given: Full) -> list[tuple[str, dict[str, Any]]]:
    """(path, fields) of the forms that take an ID, with IDs of `given` in them."""
    own, other = mine.objects, given.objects
    audience, folder = other["api/audiences/"]["pk"], other["api/audiences/folders/"]["pk"]
    dataset, box = other["api/datasets/"]["pk"], other["api/dataset-folders/"]["pk"]
    own_audience, second = own["api/audiences/"]["pk"], own["second"]["pk"]
    both = {"name": "Both", "first": second, "operator_1": "union", "operator_2": "union"}
    reach = {
        "name": "Reach",
        "audiences": [own_audience],
        "provider": own["api/signatures/"]["provider"],
        "signature": own["api/signatures/"]["pk"],
        "template": own["api/templates/"]["pk"],
    }
    return [
        (f"audiences/move/?row={audience}", {"folder": ""}),
        (f"audiences/move/?row={own_audience}", {"folder": folder}),
        ("audiences/folders/new/", {"name": "Inside", "parent": folder}),
        ("materials/folders/new/", {"name": "Inside", "parent": other["api/material-folders/"]["pk"]}),
        (
            f"materials/move/?row={own['api/materials/']['pk']}",
            {"folder": other["api/material-folders/"]["pk"]},
        ),
        ("audiences/combine/", {**both, "second": audience}),
        (
            "audiences/combine/",
            {**both, "name": "Both then", "second": f"{own_audience}/{other['w/audiences/']['snapshot']}"},
        ),
        (f"audiences/overlap/?row={second}&row={audience}", {"inside": audience, "name": "Part"}),
        (f"audiences/{own_audience}/copy/", {"name": "Copied", "folder": folder}),
        (f"datasets/move/?row={dataset}", {"folder": ""}),
        (f"datasets/move/?row={own['api/datasets/']['pk']}", {"folder": box}),
        ("datasets/folders/new/", {"name": "Inside", "parent": box}),
        ("send-outs/new/sms/", {**reach, "name": "By audience", "audiences": [audience]}),
        ("send-outs/new/sms/", {**reach, "name": "By template", "template": other["api/templates/"]["pk"]}),
        (
            "send-outs/new/sms/",
            {**reach, "name": "By platform", "provider": other["api/signatures/"]["provider"]},
        ),
        (
            "send-outs/new/sms/",
            {**reach, "name": "By signature", "signature": other["api/signatures/"]["pk"]},
        ),
    ]


def test_forms_take_no_ids_of_another_workspace(mine: Full, foreign: Full, run_jobs: Any) -> None:
    for full in (mine, foreign):
        add_more(full)
    run_jobs()
    mark(foreign)
    client, base = console(mine.world.access), f"/w/{mine.workspace.slug}/"
    before, own_before = rows_of(foreign.workspace), rows_of(mine.workspace)
    for path, fields in forms(mine, foreign):
        answer = client.post(base + path, fields)
        assert answer.status_code < 500 and "Foreign" not in answer.content.decode(), path
        assert client.get(base + path).status_code < 500, path
    for rows in ("datasets/", "audiences/"):
        for action in ("delete", "move", "refresh"):
            row = foreign.objects[f"api/{rows}"]["pk"]
            assert client.post(base + rows, {"action": action, "row": row}).status_code < 500
    assert rows_of(foreign.workspace) == before
    assert rows_of(mine.workspace) == own_before

    # The same forms with one's own IDs are taken.
    answers = {
        f"{path} {sorted(fields)}": client.post(base + path, fields) for path, fields in forms(mine, mine)
    }
    assert {key: answer.status_code for key, answer in answers.items() if answer.status_code != 302} == {}


def test_queries_show_nothing_of_another_workspace(mine: Full, foreign: Full) -> None:
    mark(foreign)
    client, base = console(mine.world.access), f"/w/{mine.workspace.slug}/"
    other = foreign.objects
    audience, members = other["api/audiences/"]["pk"], foreign.world.members.pk
    rule = quote(json.dumps(foreign.world.women))
    for path in (
        f"audiences/new/?dataset={members}",
        f"audiences/new/?rule={rule}",
        f"audiences/?folder={other['api/audiences/folders/']['pk']}",
        f"audiences/overlap/?row={audience}&row={mine.objects['api/audiences/']['pk']}",
        f"audiences/overlap.csv?row={audience}&row={mine.objects['api/audiences/']['pk']}",
        f"audiences/move/?row={audience}",
        f"audiences/combine/?row={audience}",
        f"datasets/?folder={other['api/dataset-folders/']['pk']}",
        f"datasets/move/?row={members}",
        f"materials/?folder={other['api/material-folders/']['pk']}",
        f"materials/move/?row={other['api/materials/']['pk']}",
        f"analysis/?dataset={members}",
        f"analysis/?audience={audience}",
        f"send-outs/new/sms/?audience={audience}",
        f"channels/?q={other['api/providers/']['pk']}",
    ):
        answer = client.get(base + path)
        assert answer.status_code < 500, path
        assert "Foreign" not in answer.content.decode(), path
