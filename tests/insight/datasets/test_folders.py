"""Folders of datasets."""

from __future__ import annotations

from insight.datasets.folders import folders
from tests.insight.datasets.world import World


def test_folders_nest_hold_datasets_and_go_only_when_empty(world: World) -> None:
    call, dataset = world.api(), world.dataset()
    outer = call("post", "dataset-folders/", {"name": "Outer"}).json()["id"]
    inner = call("post", "dataset-folders/", {"name": "Inner", "parent": outer}).json()["id"]
    assert call("post", "datasets/move/", {"datasets": [dataset.pk], "folder": inner}).json() == {"moved": 1}
    assert call("get", f"datasets/{dataset.pk}/").json()["folder"] == inner
    full = call("delete", f"dataset-folders/{inner}/")
    assert full.status_code == 409 and full.json()["code"] == "folder_not_empty"
    assert call("patch", f"dataset-folders/{outer}/", {"parent": inner}).status_code == 400
    call("post", "datasets/move/", {"datasets": [dataset.pk], "folder": None})
    assert call("delete", f"dataset-folders/{inner}/").status_code == 204
    assert [branch.folder.name for branch in folders.tree(world.access)] == ["Outer"]


def test_a_folder_is_renamed_and_moved_in_one_change(world: World) -> None:
    call = world.api()
    first, second = (call("post", "dataset-folders/", {"name": name}).json()["id"] for name in "AB")
    found = call("patch", f"dataset-folders/{first}/", {"name": "C", "parent": second}).json()
    assert (found["name"], found["parent"]) == ("C", second)
    assert call("post", "dataset-folders/", {"name": "B"}).status_code == 400


def test_moving_needs_datasets_of_this_workspace(world: World) -> None:
    call = world.api()
    assert call("post", "datasets/move/", {"datasets": ["ds_none"]}).status_code == 404
    assert call("post", "datasets/move/", {"datasets": "ds_none"}).status_code == 400
    assert call("post", "datasets/move/", {}).status_code == 400


def test_the_pages_make_folders_and_move_datasets_into_them(world: World) -> None:
    dataset = world.dataset()
    world.post("folders/new/", {"name": "Box"})
    folder = folders.tree(world.access)[0].folder
    ticked = world.post("", {"action": "move", "row": [dataset.pk]})
    assert ticked.status_code == 302
    browser, base = world.browser()
    browser.post(ticked.headers["Location"], {"folder": folder.pk})
    page = browser.get(f"{base}?folder={folder.pk}")
    assert [row["object"] for row in page.context["rows"]] == [dataset]
    assert f"new/?folder={folder.pk}" in page.content.decode()
    world.post(f"folders/{folder.pk}/edit/", {"name": "Case", "parent": ""})
    assert "Case" in browser.get(base).content.decode()
    assert world.post(f"folders/{folder.pk}/delete/").status_code == 409
