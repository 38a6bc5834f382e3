"""Folders of materials."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from admin_center.audit.models import AuditEntry
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.materials import services
from marketing.materials.folders import folders, move
from marketing.materials.models import Material, MaterialFolder
from tests.factories import make_access
from tests.marketing.console import Browser, without_marketing
from tests.marketing.materials import files


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


def uploaded(access: Any, name: str = "a.png", **more: Any) -> Material:
    return services.upload(access, name, io.BytesIO(files.png()), **more)


def test_folders_nest_and_count_what_one_sees(access: Any) -> None:
    analyst = make_access(access.workspace, "analyst")
    hats = folders.create(access, "Hats")
    caps = folders.create(access, "Caps", hats)
    uploaded(access, "own.png", folder=caps)
    uploaded(access, "shared.png", folder=caps, shared=True)
    [top] = folders.tree(analyst)
    assert (top.folder, top.count) == (hats, 0)
    assert [(branch.folder, branch.count) for branch in top.children] == [(caps, 1)]
    assert folders.tree(access)[0].children[0].count == 2


def test_a_folder_with_something_inside_stays_and_an_empty_one_goes(access: Any) -> None:
    folder = folders.create(access, "Hats")
    material = uploaded(access, folder=folder)
    with pytest.raises(Conflict) as caught:
        folders.delete(access, folder)
    assert caught.value.code == "folder_not_empty"
    move(access, [material], None)
    folders.delete(access, folder)
    assert not MaterialFolder.objects.exists()


def test_only_owners_and_administrators_move_and_all_or_nothing(access: Any) -> None:
    analyst = make_access(access.workspace, "analyst")
    folder = folders.create(access, "Hats")
    theirs = uploaded(access, "theirs.png", shared=True)
    own = uploaded(analyst, "own.png")
    with pytest.raises(PermissionDenied):
        move(analyst, [own, theirs], folder)
    assert not Material.objects.filter(folder=folder).exists()
    assert move(access, [own, theirs], folder) == 2
    assert AuditEntry.objects.filter(action="material.moved").count() == 2


def test_two_folders_in_one_place_have_different_names(access: Any) -> None:
    folders.create(access, "Hats")
    with pytest.raises(ValidationFailed) as caught:
        folders.create(access, "Hats")
    assert "name" in caught.value.errors


def test_a_material_that_expires_leaves_its_folder(access: Any) -> None:
    folder = folders.create(access, "Hats")
    services.delete(access, uploaded(access, folder=folder))
    folders.delete(access, folder)
    assert not MaterialFolder.objects.exists()


def test_the_console_makes_folders_uploads_into_them_and_moves(access: Any) -> None:
    console = Browser(access, "materials/")
    console.post("folders/new/", name="Hats", parent="")
    hats = MaterialFolder.objects.get()
    page = console.get("new/", folder=hats.pk).content.decode()
    assert f'<option value="{hats.pk}" selected>' in page
    console.post("new/", file=SimpleUploadedFile("hat.png", files.png()), folder=hats.pk)
    material = Material.objects.get()
    assert material.folder == hats
    assert "hat.png" in console.get(folder=hats.pk).content.decode()
    console.post("folders/new/", name="Caps", parent=hats.pk)
    caps = MaterialFolder.objects.get(name="Caps")
    assert "hat.png" not in console.get(folder=caps.pk).content.decode()
    asked = console.post(action="move", row=material.pk)
    to = asked.headers["Location"]
    assert asked.status_code == 302 and "hat.png" in console.client.get(to).content.decode()
    console.client.post(to, {"folder": caps.pk})
    material.refresh_from_db()
    assert material.folder == caps
    console.post(f"{material.pk}/", name="hat.png", tags="", folder="")
    material.refresh_from_db()
    assert material.folder is None
    console.post(f"folders/{caps.pk}/edit/", name="Bonnets", parent="")
    caps.refresh_from_db()
    assert (caps.name, caps.parent) == ("Bonnets", None)
    console.post(f"folders/{caps.pk}/delete/")
    assert not MaterialFolder.objects.filter(pk=caps.pk).exists()


def test_another_workspaces_folder_is_refused_at_its_field(access: Any) -> None:
    other = folders.create(make_access(), "Theirs")
    file = SimpleUploadedFile("hat.png", files.png())
    answer = Browser(access, "materials/").post("new/", file=file, folder=other.pk)
    assert "folder" in answer.context["form"].errors and not Material.objects.exists()


def test_the_api_makes_folders_and_moves(access: Any) -> None:
    client = Browser(access, "").client
    base, json = f"/api/v1/workspaces/{access.workspace.slug}/", "application/json"
    made = client.post(f"{base}material-folders/", {"name": "Hats"}, json)
    assert made.status_code == 201 and made.json()["parent"] is None
    key = made.json()["id"]
    file = SimpleUploadedFile("hat.png", files.png())
    assert client.post(f"{base}materials/", {"file": file, "folder": key}).json()["folder"] == key
    second = uploaded(access, "cap.png")
    moved = client.post(f"{base}materials/move/", {"materials": [second.pk], "folder": key}, json)
    assert moved.json() == {"moved": 1}
    listed = client.get(f"{base}materials/", {"folder": key}).json()["results"]
    assert {row["name"] for row in listed} == {"hat.png", "cap.png"}
    full = client.delete(f"{base}material-folders/{key}/")
    assert (full.status_code, full.json()["code"]) == (409, "folder_not_empty")
    out = client.patch(f"{base}materials/{second.pk}/", {"folder": None}, json)
    assert out.json()["folder"] is None
    inner = client.post(f"{base}material-folders/", {"name": "Caps", "parent": key}, json).json()["id"]
    up = client.patch(f"{base}material-folders/{inner}/", {"parent": None, "name": "Bonnets"}, json)
    assert up.json() == {"id": inner, "name": "Bonnets", "parent": None}
    assert client.delete(f"{base}material-folders/{inner}/").status_code == 204
    unknown = client.post(f"{base}materials/move/", {"materials": ["mat_none"], "folder": None}, json)
    assert unknown.status_code == 404
    nameless = client.post(f"{base}material-folders/", {"name": " "}, json)
    assert nameless.status_code == 400 and "name" in nameless.json()["errors"]


def test_folders_need_the_permission(access: Any) -> None:
    stranger = without_marketing(access.workspace, "materials/")
    assert stranger.get("folders/new/").status_code == 403
    assert (
        stranger.client.get(f"/api/v1/workspaces/{access.workspace.slug}/material-folders/").status_code
        == 403
    )
