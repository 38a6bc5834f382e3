"""The material library in a real browser."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from typing import Any

from django.core.files.storage import default_storage

from marketing.materials import formats
from marketing.materials.models import Material
from tests.factories import make_access
from tests.marketing.materials import files
from tests.processes import eventually


def test_many_materials_are_uploaded_tagged_downloaded_shared_and_removed(tab: Any, sign_in: Any) -> None:
    access = make_access()
    home = sign_in(access)
    tab.goto(f"{home}materials/")
    tab.get_by_role("link", name="Upload").first.click()
    contents = {"hat.png": files.png(), "song.mp3": files.mp3(), "virus.png": b"MZ a program"}
    tab.get_by_label("Files").set_input_files(
        [{"name": name, "mimeType": "", "buffer": data} for name, data in contents.items()]
    )
    tab.get_by_role("button", name="Upload").click()
    tab.get_by_text("2 files uploaded.").wait_for()
    tab.get_by_text("virus.png: Choose a PNG").wait_for()

    def tick_all() -> None:
        tab.goto(f"{home}materials/")
        tab.get_by_label("Tick all").check()
        tab.get_by_text("2 ticked").wait_for()

    tick_all()
    tab.get_by_label("Tags, with commas between them").fill("sale, new")
    tab.keyboard.press("Enter")
    tab.get_by_text("2 done.").wait_for()
    assert [{tag.name for tag in row.tags.all()} for row in Material.objects.all()] == [{"sale", "new"}] * 2
    tick_all()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(archive.namelist()) == ["hat.png", "song.mp3"]
    tick_all()
    tab.get_by_role("button", name="Share with all").click()
    tab.get_by_text("2 done.").wait_for()
    assert Material.objects.filter(shared=True).count() == 2
    tick_all()
    tab.get_by_role("button", name=re.compile("^Remove$")).click()
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_text("No materials yet").wait_for()


def test_a_small_picture_is_drawn_once_its_owner_looks_and_folders_narrow_the_library(
    tab: Any, sign_in: Any
) -> None:
    access = make_access()
    home = sign_in(access)
    tab.goto(f"{home}materials/")
    tab.get_by_role("link", name="New folder").click()
    tab.get_by_label("Name").fill("Hats")
    tab.get_by_role("button", name="Create folder").click()
    tab.wait_for_url("**/materials/?folder=*")
    tab.get_by_role("link", name="Upload").first.click()
    picture = {"name": "hat.png", "mimeType": "image/png", "buffer": whole_png(1600, 900)}
    tab.get_by_label("Files").set_input_files([picture])
    tab.get_by_role("button", name="Upload").click()
    tab.get_by_text("1 file uploaded.").wait_for()
    # The page that the upload leads to may have drawn it already.
    tab.goto(f"{home}materials/")
    material = eventually(lambda: Material.objects.exclude(thumbnail="").first())
    with default_storage.open(material.thumbnail_path) as file:
        small = formats.inspect(file.read())
    assert (small.width, small.height) == (480, 270)
    tab.goto(f"{home}materials/")
    image = tab.locator(".material-picture img")
    assert image.evaluate("async (it) => { await it.decode(); return it.naturalWidth; }") == 480
    tab.get_by_role("navigation", name="Folders").get_by_role("link", name="Hats").click()
    tab.wait_for_url("**/materials/?folder=*")
    tab.get_by_role("link", name="Rename or move").wait_for()
    tab.get_by_label("Tick all").check()
    tab.get_by_role("button", name="Move to folder").click()
    tab.get_by_label("Move to").select_option(label="No folder")
    tab.get_by_role("button", name="Move").click()
    tab.get_by_text("The materials were moved.").wait_for()
    assert Material.objects.get().folder is None


def whole_png(width: int, height: int) -> bytes:
    """A picture of one colour that browsers can show."""
    rows = (b"\0" + bytes([30, 120, 160]) * width) * height
    head = files.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + files.chunk(b"IDAT", zlib.compress(rows)) + files.chunk(b"IEND", b"")
