"""The material library in a real browser."""

from __future__ import annotations

import re
import zipfile
from typing import Any

from marketing.materials.models import Material
from tests.factories import make_access
from tests.marketing.materials import files


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
