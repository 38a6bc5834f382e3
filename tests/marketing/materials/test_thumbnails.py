"""Small pictures of materials."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from cdp.core.errors import PermissionDenied, ValidationFailed
from cdp.demo import materials as demo
from marketing.materials import services, thumbnails
from marketing.materials.models import SIDE, Material, MaterialFolder
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.materials import files


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


def uploaded(access: Any, name: str = "a.png", data: bytes = b"", **more: Any) -> Material:
    return services.upload(access, name, io.BytesIO(data or files.png(1000, 1000)), **more)


def kept(access: Any, material: Material, data: bytes) -> Material:
    return thumbnails.keep(access, material, io.BytesIO(data))


def test_a_large_picture_and_a_video_want_one_and_others_do_not(access: Any) -> None:
    wanting = {
        "large.png": files.png(1000, 10),
        "small.png": files.png(40, 40),
        "film.mp4": files.MP4,
        "song.mp3": files.mp3(),
        "ball.json": files.LOTTIE,
    }
    found = {name: uploaded(access, name, data).wants_thumbnail for name, data in wanting.items()}
    assert [name for name, wants in found.items() if wants] == ["large.png", "film.mp4"]


def test_it_is_kept_without_metadata_and_served(access: Any) -> None:
    material = kept(access, uploaded(access), files.png(48, 27, text=b"secret"))
    assert not material.wants_thumbnail
    answer = Browser(access, "materials/").get(f"{material.pk}/thumbnail/")
    assert answer["Content-Type"] == "image/png" and answer["X-Content-Type-Options"] == "nosniff"
    assert answer.content.startswith(b"\x89PNG") and b"secret" not in answer.content
    assert f"{material.pk}/thumbnail/" in Browser(access, "materials/").get().content.decode()


@pytest.mark.parametrize(
    "data",
    [
        files.png(SIDE + 1, 10),
        files.gif(),
        files.bmp(),
        files.mp3(),
        b"<svg onload=alert(1)>",
        b"MZ a program",
        b"\x89PNG\r\n\x1a\n" + b"0" * thumbnails.MOST_BYTES,
    ],
    ids=["too wide", "gif", "bmp", "sound", "svg", "program", "too large"],
)
def test_only_small_png_and_jpg_pictures_are_taken(access: Any, data: bytes) -> None:
    material = uploaded(access)
    with pytest.raises(ValidationFailed) as caught:
        kept(access, material, data)
    assert "file" in caught.value.errors
    material.refresh_from_db()
    assert not material.thumbnail


def test_sounds_and_animations_have_none(access: Any) -> None:
    for name, data in (("song.mp3", files.mp3()), ("ball.json", files.LOTTIE)):
        with pytest.raises(ValidationFailed):
            kept(access, uploaded(access, name, data), files.png())


def test_only_its_owner_and_administrators_give_it_one(access: Any) -> None:
    analyst = make_access(access.workspace, "analyst")
    material = uploaded(access, shared=True)
    with pytest.raises(PermissionDenied):
        kept(analyst, material, files.png())
    answer = Browser(analyst, "materials/").post(
        f"{material.pk}/thumbnail/", file=SimpleUploadedFile("s.png", files.png())
    )
    assert answer.status_code == 403
    page = Browser(analyst, "materials/").get().content.decode()
    assert material.name in page and "data-thumbnail" not in page


def test_a_new_one_takes_the_place_of_the_old_and_goes_with_the_material(
    access: Any, django_capture_on_commit_callbacks: Any
) -> None:
    material = kept(access, uploaded(access), files.png(shade=1))
    first = material.thumbnail_path
    with django_capture_on_commit_callbacks(execute=True):
        kept(access, material, files.png(shade=200))
    second = material.thumbnail_path
    assert not default_storage.exists(first) and default_storage.exists(second)
    with django_capture_on_commit_callbacks(execute=True):
        kept(access, material, files.png(shade=200))
    assert default_storage.exists(second)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(access, material)
    assert not default_storage.exists(second)


def test_equal_files_have_small_pictures_of_their_own(
    access: Any, django_capture_on_commit_callbacks: Any
) -> None:
    one, two = (kept(access, uploaded(access, name), files.png()) for name in ("a.png", "b.png"))
    with django_capture_on_commit_callbacks(execute=True):
        services.delete(access, one)
    assert default_storage.exists(two.thumbnail_path)


def test_the_api_shows_and_takes_it(access: Any) -> None:
    client = Browser(access, "").client
    token = {"HTTP_AUTHORIZATION": f"Bearer {make_token(access)}"}
    material = uploaded(access)
    one = f"/api/v1/workspaces/{access.workspace.slug}/materials/{material.pk}/"
    assert client.get(one).json()["has_thumbnail"] is False
    assert client.get(f"{one}thumbnail/").status_code == 404
    api = APIClient()
    answer = api.put(
        f"{one}thumbnail/", {"file": SimpleUploadedFile("s.png", files.png())}, format="multipart", **token
    )
    assert answer.status_code == 200 and answer.json()["has_thumbnail"] is True
    assert client.get(f"{one}thumbnail/")["Content-Type"] == "image/png"
    wide = SimpleUploadedFile("s.png", files.png(SIDE + 1))
    refused = api.put(f"{one}thumbnail/", {"file": wide}, format="multipart", **token)
    assert refused.status_code == 400 and "file" in refused.json()["errors"]


def test_the_demo_has_small_pictures_and_folders_however_often_it_is_filled(access: Any) -> None:
    for _time in range(2):
        demo.load(access)
    pictures = Material.objects.filter(kind="image")
    assert pictures.count() == 8 and not any(picture.wants_thumbnail for picture in pictures)
    assert all(default_storage.exists(picture.thumbnail_path) for picture in pictures)
    assert set(MaterialFolder.objects.values_list("name", flat=True)) == {"双十一", "会员"}
