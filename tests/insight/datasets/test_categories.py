"""The tree of headings under which tags stand."""

from __future__ import annotations

from typing import Any

from insight.audiences.fields import fields_of
from insight.datasets import categories
from insight.datasets.models import TagCategory
from tests.insight.datasets.world import World


def paths(world: World) -> list[str]:
    return [row.path for row in categories.tree(world.workspace)]


def make(world: World, *names: str) -> dict[str, Any]:
    return {name: categories.at_path(world.access, name) for name in names}


def test_tags_name_their_category_by_its_path(world: World) -> None:
    tags = [{"column": "gender", "name": "Sex", "type": "enum", "category": "Person/ Basics"}]
    dataset = world.dataset(tags=tags)
    assert paths(world) == ["Person", "Person / Basics"]
    found = fields_of(world.access, dataset.pk)["tags"]
    assert found[0]["category"] == "Person / Basics"
    again = world.api()("patch", f"datasets/{dataset.pk}/", {"tags": tags}).json()
    assert again["tags"][0]["category"] == "Person / Basics" and TagCategory.objects.count() == 2


def test_a_category_is_renamed_and_its_paths_follow(world: World) -> None:
    call = world.api()
    made = make(world, "A/B", "C")
    top = TagCategory.objects.get(path="A")
    assert call("patch", f"tag-categories/{top.pk}/", {"name": "Z"}).json()["path"] == "Z"
    assert paths(world) == ["Z", "Z / B", "C"]
    taken = call("patch", f"tag-categories/{top.pk}/", {"name": "C"})
    assert taken.status_code == 400 and "name" in taken.json()["errors"]
    assert call("post", "tag-categories/", {"name": "a/b"}).status_code == 400
    assert call("post", "tag-categories/", {"name": "x" * 33}).status_code == 400
    assert call("post", "tag-categories/", {"name": "B", "parent": made["C"].pk}).status_code == 201


def test_a_category_moves_but_not_into_itself_nor_too_deep(world: World) -> None:
    call = world.api()
    made = make(world, "A/B/C", "D/E")
    top, inner = TagCategory.objects.get(path="A"), TagCategory.objects.get(path="A / B")
    assert call("patch", f"tag-categories/{top.pk}/", {"parent": inner.pk}).status_code == 400
    assert call("patch", f"tag-categories/{inner.pk}/", {"parent": made["D/E"].pk}).status_code == 400
    assert call("post", "tag-categories/", {"name": "F", "parent": made["A/B/C"].pk}).status_code == 400
    assert call("patch", f"tag-categories/{inner.pk}/", {"parent": None}).status_code == 200
    assert paths(world) == ["A", "B", "B / C", "D", "D / E"]


def test_categories_stand_in_the_order_that_people_choose(world: World) -> None:
    made = make(world, "A", "B/X", "C")
    found = world.api()("patch", f"tag-categories/{made['C'].pk}/", {"position": 0})
    assert found.status_code == 200 and paths(world) == ["C", "A", "B", "B / X"]
    assert world.api()("patch", f"tag-categories/{made['C'].pk}/", {"position": -1}).status_code == 400
    world.post(f"categories/{made['A'].pk}/down/")
    assert paths(world) == ["C", "B", "B / X", "A"]
    world.post(f"categories/{made['A'].pk}/up/")
    assert paths(world) == ["C", "A", "B", "B / X"]


def test_removing_a_category_keeps_its_tags(world: World) -> None:
    dataset = world.dataset()
    category = TagCategory.objects.get(path="Taste")
    make(world, "Taste/Food")
    browser, base = world.browser()
    assert "Food" in browser.get(f"{base}categories/{category.pk}/delete/").content.decode()
    assert world.api()("delete", f"tag-categories/{category.pk}/").status_code == 204
    assert dataset.fields.get(column="interests").category is None and not TagCategory.objects.exists()


def test_the_pages_make_and_change_categories(world: World) -> None:
    assert world.post("categories/new/", {"name": "A"}).status_code == 302
    row = TagCategory.objects.get()
    assert world.post("categories/new/", {"name": "B", "parent": row.pk}).status_code == 302
    changed = {"name": "Z", "parent": "", "edit_version": row.edit_version}
    assert world.post(f"categories/{row.pk}/", changed).status_code == 302
    assert paths(world) == ["Z", "Z / B"]
    assert world.post(f"categories/{row.pk}/", changed).status_code == 422
    browser, base = world.browser()
    assert "Z" in browser.get(f"{base}categories/").content.decode()
