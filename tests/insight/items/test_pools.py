"""The life of an item pool: made, computed, changed, updated, copied, deleted, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.jobs.runner import run_job
from cdp.jobs.services import active_job, cancel_job
from cdp.warehouse import get_engine
from insight.datasets import services as datasets
from insight.items import queries, services
from insight.items.models import ItemPool
from insight.items.tasks import drop_old_versions
from tests.factories import make_access
from tests.insight.items.shop import DEFINITION, Shop, catalogue


def tables(shop: Shop) -> list[str]:
    found = get_engine(shop.place.source).tables(shop.place.world.workspace)
    return [name for name in found if name.startswith("pool_")]


def errors(call: Any, *args: Any, **more: Any) -> dict[str, list[Any]]:
    with pytest.raises(ValidationFailed) as caught:
        call(*args, **more)
    return dict(caught.value.errors)


@pytest.fixture
def task() -> Iterator[list[str]]:
    """Names of what works on every pool."""
    names: list[str] = []
    services.users_of.add("test", lambda pool: names)
    yield names
    services.users_of._items.pop("test")


def test_an_update_applies_the_conditions_to_the_newest_items(any_shop: Shop) -> None:
    pool = any_shop.pool()
    before = pool.count
    any_shop.write([{**row, "colour": "red"} for row in catalogue(25)])
    pool.refresh_from_db()
    assert pool.count == before, "a refresh of the dataset alone changes no pool"
    services.refresh(any_shop.access, pool)
    pool = any_shop.finish(pool)
    assert (pool.count, pool.version, pool.current.dataset_version) == (25, 2, 2)


def test_frozen_items_stay_when_the_pool_is_updated(shop: Shop) -> None:
    pool = shop.pool()
    version = queries.frozen(shop.access, pool.pk)
    shop.write([{**row, "colour": "red"} for row in catalogue()])
    services.refresh(shop.access, pool)
    assert shop.finish(pool).count == 40
    engine = get_engine(version.source)
    assert engine.scalar(queries.items(version).count()) == version.count < 40


def test_nothing_found_fails_and_leaves_no_table(any_shop: Shop) -> None:
    pool = any_shop.pool(any_shop.tag("price", ">", 10**6))
    assert (pool.state, pool.reason_code, pool.count, pool.current) == ("failed", "pool_empty", None, None)
    assert tables(any_shop) == []


def test_after_a_failed_update_the_version_before_stays(shop: Shop) -> None:
    pool = shop.pool()
    shop.write([{**row, "colour": "blue"} for row in catalogue()])
    services.refresh(shop.access, pool)
    again = shop.finish(pool)
    assert (again.state, again.reason_code) == ("failed", "pool_empty")
    assert (again.count, again.current_id) == (pool.count, pool.current_id)
    assert tables(shop) == [pool.current.table_name]


def test_a_lost_tag_fails_naming_it(shop: Shop) -> None:
    pool = shop.pool()
    shop.write([{name: value for name, value in row.items() if name != "colour"} for row in catalogue()])
    services.refresh(shop.access, pool)
    pool = shop.finish(pool)
    assert (pool.state, pool.reason_code) == ("failed", "rule_outdated") and "colour" in pool.reason


def test_an_owner_without_a_right_to_the_dataset_fails_with_the_reason(shop: Shop) -> None:
    owner = make_access(shop.place.world.workspace, "analyst")
    shop.dataset.public = False
    shop.dataset.save()
    pool = shop.pool()
    ItemPool.objects.filter(pk=pool.pk).update(owner=owner.user)
    services.refresh(shop.access, pool)
    pool = shop.finish(pool)
    assert (pool.state, pool.reason_code) == ("failed", "no_grant") and "Catalogue" in pool.reason


def test_a_stopped_first_computation_says_so_and_a_later_one_keeps_the_items(shop: Shop) -> None:
    pool = services.create(shop.access, {"name": "Red", "rule": shop.red})
    cancel_job(active_job(pool), shop.access)
    pool = shop.finish(pool)
    assert (pool.state, pool.reason_code) == ("failed", "cancelled")
    services.refresh(shop.access, pool)
    pool = shop.finish(pool)
    cancel_job(services.refresh(shop.access, pool), shop.access)
    pool = shop.finish(pool)
    assert (pool.state, pool.reason, pool.version) == ("succeeded", "", 1)


def test_a_pool_deleted_while_it_is_computed_ends_its_job(shop: Shop) -> None:
    pool = services.create(shop.access, {"name": "Red", "rule": shop.red})
    job = active_job(pool)
    services.delete(shop.access, pool)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.status == "cancelled" and tables(shop) == []


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_pool_that_is_being_computed_is_neither_changed_nor_updated(shop: Shop, state: str) -> None:
    pool = shop.pool()
    ItemPool.objects.filter(pk=pool.pk).update(state=state)
    for change in (
        lambda: services.update(shop.access, pool, {"remark": "x"}),
        lambda: services.refresh(shop.access, pool),
    ):
        with pytest.raises(Conflict) as caught:
            change()
        assert caught.value.code == "pool_busy"


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_pool_at_rest_is_changed_and_updated(shop: Shop, state: str) -> None:
    pool = shop.pool()
    ItemPool.objects.filter(pk=pool.pk).update(state=state)
    changed = services.update(shop.access, pool, {"rule": shop.tag("colour", "in", ["blue"])})
    assert changed.state == "waiting"
    pool = shop.finish(pool)
    assert (pool.version, pool.state) == (2, "succeeded")
    services.refresh(shop.access, pool)
    assert shop.finish(pool).version == 3


def test_another_name_computes_nothing(shop: Shop) -> None:
    pool = shop.pool()
    services.update(shop.access, pool, {"name": "Scarlet", "remark": " for spring "})
    pool = shop.finish(pool)
    assert (pool.name, pool.remark, pool.version, pool.state) == ("Scarlet", "for spring", 1, "succeeded")


@pytest.mark.parametrize("state", ["waiting", "running", "failed"])
def test_only_a_ready_pool_is_copied(shop: Shop, state: str) -> None:
    pool = shop.pool()
    copied = services.copy(shop.access, pool, "Another")
    assert shop.finish(copied).count == pool.count
    pool.state = state
    with pytest.raises(Conflict) as caught:
        services.copy(shop.access, pool, "A third")
    assert caught.value.code == "pool_not_ready"


def test_names_are_one_of_a_kind_in_the_workspace(shop: Shop) -> None:
    shop.pool()
    assert "name" in errors(services.create, shop.access, {"name": "Red", "rule": shop.red})
    other = shop.pool(name="Other")
    assert "name" in errors(services.update, shop.access, other, {"name": "Red"})


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, None, 7])
def test_a_name_of_1_to_64_characters_is_needed(shop: Shop, name: Any) -> None:
    assert list(errors(services.create, shop.access, {"name": name, "rule": shop.red})) == ["name"]


def test_what_a_pools_rule_may_not_be_is_refused_with_its_path(shop: Shop) -> None:
    other = shop.place.dataset(DEFINITION, name="Another catalogue")
    members = shop.place.world.dataset()
    red = shop.red

    def wrong(rule: Any) -> list[str]:
        return list(errors(services.create, shop.access, {"name": "Red", "rule": rule}))

    def both(op: str, *items: Any) -> dict[str, Any]:
        return {"op": op, "items": list(items)}

    assert wrong(None) == ["rule"]
    assert wrong(both("subtract", red, red)) == ["rule/op"]
    assert wrong(both("union", red, both("subtract", red, red))) == ["rule/items/1/op"]
    assert wrong(both("union", red, {**red, "dataset": other.pk})) == ["rule/items/1/dataset"]
    assert wrong({**red, "dataset": members.pk, "tag": "gender"}) == ["rule/dataset"]
    assert wrong({"kind": "audience", "audience": "aud_1"}) == ["rule/kind"]
    assert wrong({**red, "map": {"to": "mobile"}}) == ["rule/map"]
    assert wrong({**red, "tag": "nothing"}) == ["rule/tag"]
    assert wrong({**red, "operator": "contains_all"}) == ["rule/operator"]
    assert wrong({**red, "value": []}) == ["rule/value"]
    assert wrong(both("union", *[red] * 101)) == ["rule"]
    deep = red
    for _level in range(6):
        deep = both("union", deep)
    assert wrong(deep) == ["rule/items/0/items/0/items/0/items/0/items/0"]


def test_a_pool_in_use_is_not_deleted(shop: Shop, task: list[str]) -> None:
    pool = shop.pool()
    task.append("Spring offers")
    with pytest.raises(Conflict) as caught:
        services.delete(shop.access, pool)
    assert caught.value.code == "in_use" and "Spring offers" in str(caught.value)
    task.clear()
    services.delete(shop.access, pool)
    assert not ItemPool.objects.filter(pk=pool.pk).exists()


def test_deleting_drops_the_tables(any_shop: Shop, django_capture_on_commit_callbacks: Any) -> None:
    pool = any_shop.pool()
    assert tables(any_shop) == [pool.current.table_name]
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(any_shop.access, pool)
    assert tables(any_shop) == []


def test_a_dataset_with_pools_is_not_deleted(shop: Shop) -> None:
    pool = shop.pool()
    with pytest.raises(Conflict) as caught:
        datasets.delete(shop.access, shop.dataset)
    assert caught.value.code == "in_use" and "Red" in str(caught.value)
    services.delete(shop.access, pool)
    datasets.delete(shop.access, shop.dataset)


def test_changes_are_in_the_audit_log(shop: Shop) -> None:
    pool = shop.pool()
    services.update(shop.access, pool, {"name": "Scarlet"})
    services.refresh(shop.access, pool)
    pool = shop.finish(pool)
    services.copy(shop.access, pool, "Copy")
    services.delete(shop.access, pool)
    entries = AuditEntry.objects.filter(workspace=pool.workspace, action__startswith="item_pool.")
    assert list(entries.order_by("at").values_list("action", flat=True)) == [
        "item_pool.created",
        "item_pool.changed",
        "item_pool.refreshed",
        "item_pool.created",
        "item_pool.copied",
        "item_pool.deleted",
    ]
    change = entries.get(action="item_pool.changed")
    assert (change.before, change.after) == ({"name": "Red"}, {"name": "Scarlet"})


def test_only_the_maker_and_administrators_change_a_pool(shop: Shop) -> None:
    pool = shop.pool()
    somebody = make_access(shop.place.world.workspace, "analyst")
    for act in (
        lambda: services.update(somebody, pool, {"name": "Mine"}),
        lambda: services.refresh(somebody, pool),
        lambda: services.delete(somebody, pool),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_tables_of_old_versions_are_dropped_after_their_time(shop: Shop, settings: Any) -> None:
    pool = shop.pool()
    services.refresh(shop.access, pool)
    pool = shop.finish(pool)
    first = pool.versions.get(number=1)
    assert drop_old_versions() == 0
    old = timezone.now() - timedelta(days=settings.LAKE_VERSION_DAYS + 1)
    pool.versions.update(created_at=old)
    assert drop_old_versions() == 1
    first.refresh_from_db()
    assert first.dropped_at is not None and tables(shop) == [pool.current.table_name]
