"""The material library."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.materials import services, usage
from marketing.materials.models import Material, MaterialTag
from tests.factories import make_access
from tests.marketing.console import Browser, without_marketing
from tests.marketing.materials import files


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


def uploaded(access: Any, name: str = "a.png", data: bytes = b"", **more: Any) -> Material:
    return services.upload(access, name, io.BytesIO(data or files.png()), **more)


def test_a_material_is_kept_365_days(access: Any) -> None:
    left = uploaded(access).expires_at - timezone.now()
    assert timedelta(days=364) < left <= timedelta(days=365)


def test_equal_files_are_stored_once_until_the_last_goes(
    access: Any, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = uploaded(access), uploaded(access, "b.png")
    assert first.path == second.path
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(access, first)
    assert default_storage.exists(second.path)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(access, second)
    assert not default_storage.exists(second.path)


def test_others_see_only_what_is_shared_and_cannot_change_it(access: Any) -> None:
    analyst = make_access(access.workspace, "analyst")
    uploaded(access, "own.png")
    shared = uploaded(access, "shared.png", shared=True)
    assert list(services.visible(analyst)) == [shared]
    with pytest.raises(PermissionDenied):
        services.share(analyst, shared, False)
    with pytest.raises(PermissionDenied):
        services.delete(analyst, shared)


def test_a_material_has_at_most_10_tags(access: Any) -> None:
    material = uploaded(access)
    services.set_tags(access, material, map(str, range(10)))
    with pytest.raises(ValidationFailed):
        services.set_tags(access, material, map(str, range(11)))
    assert material.tags.count() == 10


def test_a_workspace_has_at_most_50_tags(access: Any) -> None:
    MaterialTag.objects.bulk_create(MaterialTag(workspace=access.workspace, name=str(n)) for n in range(50))
    with pytest.raises(ValidationFailed):
        services.set_tags(access, uploaded(access), ["new"])


def test_a_removed_tag_leaves_its_materials(access: Any) -> None:
    material = services.set_tags(access, uploaded(access), ["sale"])
    services.delete_tag(access, MaterialTag.objects.get())
    assert Material.objects.get() == material


def test_what_is_past_its_time_goes_unless_it_is_in_use(access: Any, monkeypatch: Any) -> None:
    used, unused, fresh = uploaded(access), uploaded(access), uploaded(access)
    Material.objects.filter(pk__in=[used.pk, unused.pk]).update(expires_at=timezone.now())
    monkeypatch.setitem(usage.USES._items, "test", lambda ids: {used.pk} & set(ids))
    assert services.expire() == 1
    assert set(Material.objects.all()) == {used, fresh}
    with pytest.raises(Conflict):
        services.delete(access, used)


def test_names_in_a_download_are_told_apart(access: Any) -> None:
    rows = [uploaded(access, "../a.png"), uploaded(access, "a.png", files.png(shade=9))]
    with zipfile.ZipFile(io.BytesIO(services.archive(access, rows))) as found:
        assert found.namelist() == ["a.png", "a (2).png"]


def test_the_library_shows_filters_and_serves_what_was_uploaded(access: Any) -> None:
    console = Browser(access, "materials/")
    assert console.post("new/", file=SimpleUploadedFile("hat.exe", files.png())).status_code == 302
    material = Material.objects.get()
    assert "hat.exe" in console.get(kind="image", whose="mine").content.decode()
    assert "hat.exe" not in console.get(kind="video").content.decode()
    content = console.get(f"{material.pk}/content/")
    assert content["Content-Type"] == "image/png" and content["X-Content-Type-Options"] == "nosniff"
    assert console.post(f"{material.pk}/", name="Hat", tags="sale, new").status_code == 302
    assert "sale" in console.get().content.decode()
    assert console.post(action="download", row=material.pk)["Content-Type"] == "application/zip"
    console.post(action="delete", row=material.pk)
    assert not Material.objects.exists()


def test_a_program_is_refused_at_its_field(access: Any) -> None:
    answer = Browser(access, "materials/").post("new/", file=SimpleUploadedFile("a.png", b"MZ program"))
    assert answer.status_code == 422 and not Material.objects.exists()


def test_another_workspaces_material_is_not_found(access: Any) -> None:
    material = uploaded(make_access(), shared=True)
    assert Browser(access, "materials/").get(f"{material.pk}/content/").status_code == 404


def test_materials_need_the_permission(access: Any) -> None:
    assert without_marketing(access.workspace, "materials/").get().status_code == 403


def test_the_api_uploads_changes_and_removes(access: Any) -> None:
    console = Browser(access, "")
    base = f"/api/v1/workspaces/{access.workspace.slug}/materials/"
    made = console.client.post(base, {"file": SimpleUploadedFile("a.png", files.png(text=b"secret"))})
    assert made.status_code == 201, made.content
    one = f"{base}{made.json()['id']}/"
    change = {"name": "Hat", "tags": ["sale"], "shared": True}
    answer = console.client.patch(one, change, content_type="application/json").json()
    assert {key: answer[key] for key in change} == change
    assert console.client.get(base).json()["count"] == 1
    assert b"secret" not in b"".join(console.client.get(f"{one}content/").streaming_content)
    assert console.client.delete(one).status_code == 204
