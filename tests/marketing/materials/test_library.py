"""The material library."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from cdp.console.models import Notification
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.materials import expiry, services, usage
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


@pytest.mark.parametrize("name", ["a,b", "甲，乙", "x" * 33])
def test_a_tag_is_short_and_has_no_comma(access: Any, name: str) -> None:
    with pytest.raises(ValidationFailed):
        services.set_tags(access, uploaded(access), [name])


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
    assert expiry.expire() == 1
    assert set(Material.objects.all()) == {used, fresh}
    with pytest.raises(Conflict):
        services.delete(access, used)


def test_names_in_a_download_are_told_apart(access: Any) -> None:
    rows = [uploaded(access, "../a.png"), uploaded(access, "a.png", files.png(shade=9))]
    with zipfile.ZipFile(io.BytesIO(services.archive(access, rows))) as found:
        assert found.namelist() == ["a.png", "a (2).png"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.d/job.png", "..\\..\\job.png", "/etc/job.png", "a/../../job.png", "job.PNG", "..", "."],
)
def test_a_name_leads_nowhere(access: Any, name: str) -> None:
    material = uploaded(access, f"{name}/job.png")
    assert material.name.endswith("job.png")
    services.rename(access, material, name)
    assert material.path == f"materials/{access.workspace.pk}/{material.sha256}.png"
    with zipfile.ZipFile(io.BytesIO(services.archive(access, [material]))) as found:
        assert found.namelist() in (["job.png"], [f"{material.pk}.png"])


def test_a_download_has_a_limit_which_the_list_tells(access: Any, monkeypatch: Any) -> None:
    rows = [uploaded(access, f"{number}.png") for number in range(3)]
    console = Browser(access, "materials/")
    for limit in ("MAX_DOWNLOAD", "MAX_DOWNLOAD_SIZE"):
        with monkeypatch.context() as patch:
            patch.setattr(services, limit, 2)
            answer = console.client.post(
                console.base, {"action": "download", "row": [row.pk for row in rows]}, follow=True
            )
        assert "One download holds at most" in answer.content.decode()


def test_ticked_materials_get_tags_beside_those_they_have(access: Any) -> None:
    first, second = uploaded(access), uploaded(access)
    services.set_tags(access, first, ["old"])
    console = Browser(access, "materials/")
    console.post(action="tag", row=[first.pk, second.pk], tags="sale，new")
    assert {tag.name for tag in first.tags.all()} == {"old", "sale", "new"}
    assert {tag.name for tag in second.tags.all()} == {"sale", "new"}
    answer = console.client.post(console.base, {"action": "tag", "row": first.pk, "tags": " , "}, follow=True)
    assert "Write the tags first." in answer.content.decode()


def test_one_material_that_is_full_of_tags_does_not_stop_the_others(access: Any) -> None:
    full, other = uploaded(access), uploaded(access)
    services.set_tags(access, full, map(str, range(10)))
    Browser(access, "materials/").post(action="tag", row=[full.pk, other.pk], tags="sale")
    assert full.tags.count() == 10
    assert other.tags.count() == 1


def test_the_page_of_tags_counts_what_one_sees_and_removes_ticked_ones(access: Any) -> None:
    services.set_tags(access, uploaded(access, "own.png"), ["sale"])
    services.set_tags(access, uploaded(access, "shared.png", shared=True), ["sale"])
    analyst = make_access(access.workspace, "analyst")
    page = Browser(analyst, "materials/tags/").get()
    assert [row["object"].count for row in page.context["rows"]] == [1]
    Browser(access, "materials/tags/").post(action="delete", row=MaterialTag.objects.get().pk)
    assert not MaterialTag.objects.exists()
    assert Material.objects.count() == 2


def test_owners_are_told_once_a_month_before(access: Any) -> None:
    soon, later, fresh = uploaded(access, "soon.png"), uploaded(access, "later.png"), uploaded(access)
    for material, days in ((soon, 29), (later, 30), (fresh, 31)):
        Material.objects.filter(pk=material.pk).update(expires_at=timezone.now() + timedelta(days=days))
    assert expiry.warn() == 2
    assert expiry.warn() == 0
    [notice] = Notification.objects.filter(workspace=access.workspace, user=access.user)
    end = timezone.localtime(timezone.now() + timedelta(days=29), ZoneInfo("Asia/Shanghai"))
    assert notice.title == f"2 of your materials are removed soon, the first on {end:%Y-%m-%d}"
    assert "soon.png, later.png" in notice.text
    page = Browser(access, "").client.get(notice.url)
    assert {row["object"] for row in page.context["rows"]} == {soon, later}


def test_a_material_kept_longer_is_spoken_of_again_when_it_ends(access: Any) -> None:
    material = uploaded(access)
    for _year in range(2):
        Material.objects.update(expires_at=timezone.now() + timedelta(days=9))
        assert expiry.warn() == 1
        material.refresh_from_db()
        services.extend(access, material)


def test_what_is_in_use_is_not_spoken_of(access: Any, monkeypatch: Any) -> None:
    used = uploaded(access)
    Material.objects.update(expires_at=timezone.now())
    monkeypatch.setitem(usage.USES._items, "test", lambda ids: {used.pk} & set(ids))
    assert expiry.warn() == 0


def test_a_file_that_comes_again_while_its_last_material_goes_is_kept(
    access: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        services.delete(access, uploaded(access))
        again = uploaded(access)
    for callback in callbacks:
        callback()
    assert default_storage.exists(again.path)


def test_one_refused_file_does_not_stop_the_others(access: Any) -> None:
    good, bad = SimpleUploadedFile("good.png", files.png()), SimpleUploadedFile("bad.png", b"<svg/>")
    answer = Browser(access, "materials/").post("new/", file=[bad, good])
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "bad.png: Choose a PNG" in page
    assert "1 file uploaded." in page
    assert Material.objects.get().name == "good.png"


def test_what_is_too_large_is_refused_at_its_field(access: Any) -> None:
    large = SimpleUploadedFile("film.mp4", files.mp4(10 * 1024 * 1024 + 1))
    answer = Browser(access, "materials/").post("new/", file=large)
    assert answer.status_code == 422
    assert "larger than 10 MB" in answer.content.decode()


def test_content_is_never_run(access: Any) -> None:
    material = uploaded(access, "page.html", files.LOTTIE)
    answer = Browser(access, "materials/").get(f"{material.pk}/content/")
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_what_others_share_opens_but_not_for_a_change(access: Any) -> None:
    shared = uploaded(access, shared=True)
    console = Browser(make_access(access.workspace, "analyst"), "materials/")
    assert f"{shared.pk}/content/" in console.get().content.decode()
    assert console.get(f"{shared.pk}/content/").status_code == 200
    assert console.get(f"{shared.pk}/").status_code == 403


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
    assert b"secret" not in console.client.get(f"{one}content/").content
    assert console.client.delete(one).status_code == 204


def test_the_api_finds_by_tag_and_removes_tags(access: Any) -> None:
    services.set_tags(access, uploaded(access), ["sale"])
    uploaded(access)
    client = Browser(access, "").client
    base = f"/api/v1/workspaces/{access.workspace.slug}"
    assert client.get(f"{base}/materials/", {"tag": "sale"}).json()["count"] == 1
    [tag] = client.get(f"{base}/material-tags/").json()["results"]
    assert tag["name"] == "sale"
    assert client.delete(f"{base}/material-tags/{tag['id']}/").status_code == 204
    assert Material.objects.count() == 2


def test_the_library_grows_to_the_size_that_the_workspace_may_have(access: Any) -> None:
    film = files.mp4(600_000)
    update_settings(access.workspace, {"quotas": {"materials_mb": 1}}, access=access)
    first = uploaded(access, "film.mp4", film)
    with pytest.raises(ValidationFailed) as refused:
        uploaded(access, "again.mp4", files.mp4(600_001))
    assert "1 MB" in refused.value.errors["file"][0] and Material.objects.count() == 1
    services.delete(access, first)
    assert uploaded(access, "again.mp4", film).size == 600_000
    update_settings(access.workspace, {"quotas": {"materials_mb": None}}, access=access)
    assert uploaded(access, "more.mp4", files.mp4(600_001))


def test_the_size_of_the_library_is_set_on_the_page_and_by_the_api(access: Any) -> None:
    console = Browser(access, "admin/settings/")
    assert 'name="quotas_materials_mb"' in console.get().content.decode()
    url = f"/api/v1/workspaces/{access.workspace.slug}/settings/"
    answer = console.client.patch(url, {"quotas": {"materials_mb": 50}}, "application/json")
    assert answer.status_code == 200 and answer.json()["quotas"]["materials_mb"] == 50
    wrong = console.client.patch(url, {"quotas": {"materials_mb": -1}}, "application/json")
    assert wrong.status_code == 400
