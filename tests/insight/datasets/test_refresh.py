"""What a refresh computes, what it counts, and how it fails."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import translation

from cdp import lake
from cdp.core.errors import Conflict
from cdp.jobs.models import Job
from cdp.jobs.services import cancel_job
from insight.audiences import services as audiences
from insight.datasets import queries, refreshing, services
from insight.datasets.models import Dataset
from tests.insight.datasets.world import BEHAVIOUR, EVENTS, MEMBERS, World


def test_a_refresh_cleans_values_and_keeps_leading_zeros(world: World) -> None:
    dataset = world.dataset()
    assert (dataset.state, dataset.rows, dataset.users, dataset.version) == ("ready", 4, 3, 1)
    first = world.rows(dataset)[0]
    assert first["user_unique_id"] == "0001" and first["interests"] == ["a", "b"] and first["spend"] == 1.5
    assert first["joined"].date() == datetime.date(2026, 1, 2)


@pytest.mark.parametrize("kind", ["DOUBLE", "BIGINT", "VARCHAR"])
def test_days_written_as_numbers_are_read(world: World, kind: str) -> None:
    world.table("members", f"SELECT * REPLACE (day::BIGINT::{kind} AS day) FROM ({MEMBERS})")
    days = [row["day"] and row["day"].date() for row in world.rows(world.dataset())]
    assert days == [datetime.date(2021, 10, 23), datetime.date(2021, 10, 24), None, None]


def test_values_that_do_not_fit_are_counted_per_column(world: World) -> None:
    dataset = world.dataset()
    assert dataset.stats["invalid"] == {"phone": 1, "spend": 1, "joined": 2, "day": 1}
    found = {item["code"]: item["text"] for item in dataset.warnings}
    assert found["invalid_id"].startswith("1 value of “phone” is not valid for")
    assert (
        found["unreadable_number"] == "1 value of “Spend” could not be read as a number and counts as empty."
    )
    assert found["without_id"] == "1 row was left out: it has no user identifier."
    assert dataset.versions.get().told == dataset.warnings


def test_ids_are_counted_by_type(world: World) -> None:
    world.table("members", f"{MEMBERS} UNION ALL SELECT repeat('x', 200), NULL, NULL, NULL, NULL, NULL, NULL")
    member, phone = world.dataset().stats["ids"]
    counts = {"invalid": 1, "prefixed": 0}
    assert member == {"column": "member", "id_type": "one_id", "filled": 4, "distinct": 3, **counts}
    counts["prefixed"] = 1
    assert phone == {"column": "phone", "id_type": "mobile", "filled": 2, "distinct": 2, **counts}


def test_repeated_identifiers_are_shown_masked_at_most_ten(world: World) -> None:
    world.table(
        "members",
        f"{MEMBERS} UNION ALL SELECT ('user' || i % 12), NULL, NULL, NULL, NULL, NULL, NULL FROM range(36) r(i)",
    )
    dataset = world.dataset()
    assert len(dataset.stats["repeated"]) == 10 and dataset.stats["repeated"][0]["rows"] == 3
    assert "user1" not in str(dataset.stats["repeated"])
    assert next(item for item in dataset.warnings if item["code"] == "repeated_id")["count"] == 25
    assert not dataset.stats["unique_users"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("SELECT * REPLACE ('ann' AS member) FROM whole", "same user identifier: a*** (2)"),
        ("SELECT * REPLACE (NULL AS member) FROM whole", "1 row has no user identifier."),
        ("SELECT * REPLACE (' ' AS member) FROM whole", "1 row has no user identifier."),
    ],
)
def test_where_each_user_has_one_row_repeated_and_missing_identifiers_are_refused_with_examples(
    world: World, more: str, reason: str
) -> None:
    whole = "SELECT 'ann' AS member, * EXCLUDE (member) FROM (" + MEMBERS + ") LIMIT 1"
    world.table("members", f"WITH whole AS ({whole}) FROM whole")
    dataset = world.dataset(rows_per_user="one")
    assert (dataset.state, dataset.version, dataset.users) == ("ready", 1, 1)
    world.table("members", f"WITH whole AS ({whole}) FROM whole UNION ALL {more}")
    dataset = world.compute(dataset)
    assert (dataset.state, dataset.error_code, dataset.version) == ("failed", "user_not_unique", 1)
    assert reason in dataset.error and "ann" not in dataset.error


def test_different_values_are_counted_exactly_and_lists_by_their_parts(world: World) -> None:
    world.table(
        "members",
        "SELECT i::VARCHAR AS member, NULL::VARCHAR AS phone, 'p' || i % 70 || ',q' AS interests, "
        "'1' AS spend, NULL::VARCHAR AS joined, NULL::DOUBLE AS day, 'g' || i % 90 AS gender FROM range(5000) r(i)",
    )
    distinct = world.dataset().stats["distinct"]
    assert (distinct["gender"], distinct["interests"], distinct["phone"]) == (90, 71, 0)


def test_a_warning_is_told_in_the_language_of_the_reader(world: World) -> None:
    dataset = world.dataset()
    with translation.override("zh-hans"):
        assert all("code" in item and item["text"] for item in dataset.warnings)
    stored = Dataset.objects.get(pk=dataset.pk).stats["warnings"]
    assert all("text" not in item for item in stored)


def test_a_lost_tag_is_marked_and_comes_back(world: World) -> None:
    dataset = world.dataset()
    world.table("members", f"SELECT * EXCLUDE (gender) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    assert dataset.version == 2 and dataset.stats["lost"] == ["gender"]
    assert dataset.fields.get(column="gender").deleted
    assert "gender" not in world.rows(dataset)[0]
    world.table("members", MEMBERS)
    dataset = world.compute(dataset)
    assert dataset.state == "ready" and not dataset.fields.get(column="gender").deleted


def test_a_lost_identifier_fails_with_the_old_version_in_use(world: World) -> None:
    dataset = world.dataset()
    world.table("members", f"SELECT * EXCLUDE (member) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    assert (dataset.state, dataset.version) == ("failed", 1) and "member" in dataset.error
    assert Job.objects.filter(subject_id=dataset.pk).first().error_code == "column_missing"
    assert len(world.rows(dataset)) == 4


def test_a_table_without_any_identifier_fails_and_leaves_nothing(world: World) -> None:
    world.table("members", f"SELECT * REPLACE (NULL::VARCHAR AS member) FROM ({MEMBERS})")
    dataset = world.dataset()
    assert dataset.state == "failed" and Job.objects.get(subject_id=dataset.pk).error_code == "no_rows"
    assert lake.tables(world.workspace) == ["events", "members"]


def test_a_table_that_is_gone_fails_with_its_reason(world: World) -> None:
    dataset = world.dataset()
    lake.drop_table(world.workspace, "members")
    dataset = world.compute(dataset)
    assert dataset.state == "failed" and "no longer there" in dataset.error
    assert dataset.version == 1 and len(world.rows(dataset)) == 4


def test_a_column_of_the_wrong_type_becomes_empty_and_is_counted(world: World) -> None:
    world.table("members", f"SELECT * REPLACE ('none' AS spend, 'never' AS joined) FROM ({MEMBERS})")
    dataset = world.dataset()
    assert dataset.state == "ready" and dataset.stats["filled"]["spend"] == 0
    assert (dataset.stats["invalid"]["spend"], dataset.stats["invalid"]["joined"]) == (5, 5)


def test_behaviour_without_a_readable_time_is_left_out_and_counted(world: World) -> None:
    world.table(
        "events",
        f"SELECT * REPLACE (at_time::VARCHAR AS at_time) FROM ({EVENTS}) UNION ALL "
        "SELECT 'u3', 'one day', 'buy', 1, 1.0, 'app', 'item', 'z'",
    )
    dataset = world.dataset(BEHAVIOUR)
    assert dataset.rows == 3 and dataset.stats["without_time"] == 1
    assert [item["code"] for item in dataset.warnings] == ["without_time"]
    assert dataset.stats["first_at"].startswith("2026-01-01 10:00")


def test_the_tables_of_old_versions_go(world: World) -> None:
    dataset = world.dataset()
    for _number in range(3):
        queries.values(dataset, "interests")
        dataset = world.compute(dataset)
    tables = [name for name in lake.tables(world.workspace) if name.startswith(dataset.pk)]
    assert tables == [f"{dataset.pk}_v3", f"{dataset.pk}_v4"]
    assert [item.number for item in dataset.versions.all()] == [4, 3, 2, 1]


def test_a_used_dataset_stays(world: World) -> None:
    dataset = world.dataset()
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "gender", "operator": "in", "value": ["f"]}
    audiences.create(world.access, {"name": "Women", "rule": rule})
    with pytest.raises(Conflict, match="Women"):
        services.delete(world.access, dataset)
    answer = world.api()("delete", f"datasets/{dataset.pk}/")
    assert answer.status_code == 409 and answer.json()["used_by"] == ["Women"]
    assert Dataset.objects.filter(pk=dataset.pk).exists()


def test_a_deleted_dataset_leaves_no_table(world: World, django_capture_on_commit_callbacks: Any) -> None:
    dataset = world.compute(world.dataset())
    queries.values(dataset, "gender")
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(world.access, dataset)
    assert lake.tables(world.workspace) == ["events", "members"]


def test_a_dataset_deleted_while_it_is_computed_leaves_no_table(
    world: World, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    dataset = world.dataset()
    compute = refreshing.compute

    def compute_and_delete(*given: Any) -> Any:
        found = compute(*given)
        with django_capture_on_commit_callbacks(execute=True):
            services.delete(world.access, Dataset.objects.get(pk=dataset.pk))
        # The deletion has dropped what was there; the writer may be slower.
        compute(*given)
        return found

    monkeypatch.setattr(refreshing, "compute", compute_and_delete)
    services.refresh(world.access, dataset)
    world.run_jobs(allow_failure=True)
    assert lake.tables(world.workspace) == ["events", "members"]


def test_a_cancelled_refresh_leaves_the_dataset_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = world.dataset()
    compute = refreshing.compute

    def compute_and_cancel(*given: Any) -> Any:
        found = compute(*given)
        cancel_job(Job.objects.get(subject_id=dataset.pk, status="running"), world.access)
        return found

    monkeypatch.setattr(refreshing, "compute", compute_and_cancel)
    dataset = world.compute(dataset)
    assert (dataset.state, dataset.version, dataset.error) == ("ready", 1, "")
    assert f"{dataset.pk}_v2" not in lake.tables(world.workspace)
