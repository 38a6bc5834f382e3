"""Copies of datasets: as they are defined, for who may make and manage them."""

from __future__ import annotations

from typing import Any

import pytest

from admin_center.audit.models import AuditEntry
from insight.datasets import definition, granting, services
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.datasets.world import BEHAVIOUR, World

OWN = ("name", "folder")


def defined(dataset: Dataset) -> dict[str, Any]:
    return {key: value for key, value in definition.write(dataset).items() if key not in OWN}


@pytest.mark.parametrize("given", [None, BEHAVIOUR])
def test_a_copy_has_the_same_definition_and_rows(world: World, given: Any) -> None:
    first = world.compute(world.dataset(given))
    services.set_refresh(world.access, first, {"every": "day", "at": "04:00"})
    answer = world.api()("post", f"datasets/{first.pk}/copy/", {})
    assert answer.status_code == 201 and answer.json()["name"] == f"{first.name} (copy)"
    world.run_jobs()
    made = Dataset.objects.get(pk=answer.json()["id"])
    assert defined(made) == defined(first) and made.refresh == first.refresh
    assert (made.version, made.rows, made.users) == (1, first.rows, first.users)
    assert world.rows(made) == world.rows(first)
    entry = AuditEntry.objects.get(action="dataset.copied")
    assert (entry.object_id, entry.detail["from"]) == (made.pk, first.pk)


def test_a_copy_is_not_the_default_and_shared_with_nobody(world: World) -> None:
    first = granting.share(world.access, world.dataset(), public=True, row_columns=[])
    call = world.api()
    made = [call("post", f"datasets/{first.pk}/copy/", {}).json() for _number in range(2)]
    assert [row["name"] for row in made] == ["Members (copy)", "Members (copy 2)"]
    rows = Dataset.objects.filter(pk__in=[row["id"] for row in made])
    assert not any(row.public or row.is_default for row in rows)


def test_the_page_asks_for_a_name(world: World) -> None:
    first = world.compute(world.dataset())
    browser, base = world.browser()
    assert f"{first.pk}/copy/" in browser.get(f"{base}{first.pk}/").content.decode()
    assert 'value="Members (copy)"' in browser.get(f"{base}{first.pk}/copy/").content.decode()
    answer = browser.post(
        f"{base}{first.pk}/copy/", {"name": "Trial", "description": "To play with", "folder": ""}
    )
    made = Dataset.objects.get(name="Trial")
    assert answer.headers["Location"].endswith(f"/{made.pk}/") and made.description == "To play with"
    again = browser.post(f"{base}{first.pk}/copy/", {"name": "Trial", "description": "", "folder": ""})
    assert "Another dataset has this name" in again.content.decode()


def test_only_who_manages_a_dataset_and_may_make_some_copies_it(world: World) -> None:
    first = granting.share(world.access, world.dataset(), public=True, row_columns=[])
    for role in ("analyst", "developer"):
        call = world.api(make_access(world.workspace, role))
        assert call("post", f"datasets/{first.pk}/copy/", {}).status_code == 403
    assert World(world.run_jobs).api()("post", f"datasets/{first.pk}/copy/", {}).status_code == 404


def test_other_fields_cannot_be_given(world: World) -> None:
    answer = world.api()("post", f"datasets/{world.dataset().pk}/copy/", {"table": "members"})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["table"]
