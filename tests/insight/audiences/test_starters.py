"""Rules to start from fit what the workspace has, and find whom they say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from rest_framework.test import APIClient

from cdp.core.timezones import today
from cdp.warehouse import get_engine
from insight.audiences import starters
from insight.audiences.compiler import compile_rule
from insight.audiences.rules import parse_rule
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets.models import Dataset, DatasetField
from tests.factories import make_access, make_token
from tests.insight.audiences.world import World, make_dataset

Act = tuple[str, int, str]


def behaviour(workspace: Any, acts: list[Act], name: str = "Acts") -> Dataset:
    """Acts as (person, days ago, type)."""
    day = today(workspace)
    table = pa.table(
        {
            "user_unique_id": [person for person, _ago, _type in acts],
            "at": pa.array([_at(day, ago) for _person, ago, _type in acts], pa.timestamp("us")),
            "type": [kind for _person, _ago, kind in acts],
        }
    )
    dataset = make_dataset(workspace, name, "behaviour", table)
    fields = [("member_no", "identifier"), ("at", "time"), ("type", "type")]
    DatasetField.objects.bulk_create(
        DatasetField(
            dataset=dataset,
            column=column,
            role=role,
            name=column,
            id_type="one_id" if role == "identifier" else "",
        )
        for column, role in fields
    )
    return dataset


def _at(day: date, ago: int) -> Any:
    return pa.scalar(day - timedelta(days=ago)).cast(pa.timestamp("us")).as_py()


def people(world: World, key: str) -> list[str]:
    rule = {starter.key: starter for starter in starters.offered(world.access)}[key].rule
    catalog = WorkspaceCatalog(world.workspace, access=world.access)
    expression = compile_rule(parse_rule(rule), catalog, today=today(world.workspace))
    return sorted(get_engine().execute(expression).column(0).to_pylist())


def test_questions_about_behaviour_find_whom_they_say(world: World) -> None:
    behaviour(
        world.workspace,
        [
            *[("gone", ago, "购买") for ago in (200, 150)],
            *[("faithful", ago, "购买") for ago in (200, 20)],
            ("once", 200, "购买"),
            ("early", 400, "购买"),
            ("early", 380, "购买"),
            ("wavers", 5, "加购"),
            ("wavers", 30, "购买"),
            ("decided", 5, "加购"),
            ("decided", 4, "购买"),
        ],
    )
    assert people(world, "churn") == ["gone"]
    assert people(world, "cart") == ["wavers"]
    assert people(world, "again") == []


def test_vips_are_those_who_spent_more_than_nine_tenths(world: World) -> None:
    assert people(world, "vip") == ["u4", "u5"]
    [vip] = [item for item in starters.offered(world.access) if item.key == "vip"]
    assert vip.rule["value"] == 500 and "500" in vip.description


def test_only_what_the_data_can_answer_is_offered(world: World) -> None:
    assert [item.key for item in starters.offered(world.access)] == ["vip"]
    behaviour(world.workspace, [("u1", 1, "visit"), ("u1", 1, "add_to_cart")])
    assert [item.key for item in starters.offered(world.access)] == ["vip"]
    behaviour(world.workspace, [("u1", 1, "purchase")], "Purchases")
    assert {item.key for item in starters.offered(world.access)} == {"vip", "again", "churn"}


def test_datasets_without_a_grant_offer_nothing(world: World) -> None:
    analyst = make_access(world.workspace, "analyst")
    Dataset.objects.filter(pk=world.members.pk).update(public=False)
    assert starters.offered(analyst) == []
    Dataset.objects.filter(pk=world.members.pk).update(public=True)
    assert [item.key for item in starters.offered(analyst)] == ["vip"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_api_lists_them(world: World, language: str) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}", HTTP_ACCEPT_LANGUAGE=language)
    answer = client.get(f"/api/v1/workspaces/{world.workspace.slug}/audiences/rule-starters/")
    [found] = answer.json()["results"]
    assert set(found) == {"key", "title", "description", "rule"} and found["rule"]["tag"] == "spend"
