"""Who may do what with datasets."""

from __future__ import annotations

import pytest

from insight.datasets import categories, granting
from insight.datasets.folders import folders
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.datasets.world import DEFINITION, World

READ = ["", "values/?tag=gender", "behaviour-values/?of=type", "versions/"]


def shared(world: World) -> Dataset:
    """A dataset that everybody in the workspace may use."""
    return granting.share(world.access, world.dataset(), public=True, row_columns=[])


def test_another_workspace_finds_nothing(world: World) -> None:
    dataset = world.dataset()
    folder = folders.create(world.access, "Box")
    category = categories.create(world.access, "Mood")
    other = World(world.run_jobs)
    call = other.api()
    for path in READ:
        assert call("get", f"datasets/{dataset.pk}/{path}").status_code == 404
    for method, path, data in (
        ("patch", f"datasets/{dataset.pk}/", {"name": "Mine"}),
        ("delete", f"datasets/{dataset.pk}/", None),
        ("post", f"datasets/{dataset.pk}/refresh/", None),
        ("post", f"datasets/{dataset.pk}/default/", None),
        ("post", "datasets/move/", {"datasets": [dataset.pk]}),
        ("patch", f"dataset-folders/{folder.pk}/", {"name": "Mine"}),
        ("patch", f"tag-categories/{category.pk}/", {"name": "Mine"}),
    ):
        assert call(method, path, data).status_code == 404
    assert call("post", "datasets/", {**DEFINITION, "folder": folder.pk}).status_code == 400
    browser, base = other.browser()
    for page in ("", "edit/", "settings/", "delete/"):
        assert browser.get(f"{base}{dataset.pk}/{page}").status_code == 404


def test_an_analyst_looks_and_changes_nothing(world: World) -> None:
    dataset = shared(world)
    analyst = make_access(world.workspace, "analyst")
    call = world.api(analyst)
    assert call("get", f"datasets/{dataset.pk}/").status_code == 200
    assert call("get", f"datasets/{dataset.pk}/versions/").status_code == 200
    for method, path, data in (
        ("post", "datasets/", DEFINITION),
        ("get", "datasets/fields/?table=members", None),
        ("patch", f"datasets/{dataset.pk}/", {"name": "Mine"}),
        ("delete", f"datasets/{dataset.pk}/", None),
        ("post", f"datasets/{dataset.pk}/refresh/", None),
        ("post", "datasets/move/", {"datasets": [dataset.pk]}),
        ("post", "dataset-folders/", {"name": "Box"}),
        ("post", "tag-categories/", {"name": "Taste"}),
    ):
        assert call(method, path, data).status_code == 403
    browser, base = world.browser(analyst)
    page = browser.get(f"{base}{dataset.pk}/").content.decode()
    assert "/edit/" not in page and "/delete/" not in page
    for path in ("new/", f"{dataset.pk}/edit/", f"{dataset.pk}/settings/", "folders/new/", "categories/new/"):
        assert browser.get(base + path).status_code == 403


@pytest.mark.parametrize("path", ["edit/", "settings/"])
def test_a_developer_changes_only_what_is_their_own(world: World, path: str) -> None:
    dataset = shared(world)
    developer = make_access(world.workspace, "developer")
    own = world.api(developer)("post", "datasets/", {**DEFINITION, "name": "Own"}).json()["id"]
    browser, base = world.browser(developer)
    may_all = developer.can("insight.dataset.manage")
    assert browser.get(f"{base}{own}/{path}").status_code == 200
    assert browser.get(f"{base}{dataset.pk}/{path}").status_code == (200 if may_all else 403)
