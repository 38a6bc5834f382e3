"""Files of members and of refused lines: how they are written, who may have them, what is logged."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.permissions.models import Role
from insight.audiences import snapshots
from insight.audiences.models import Audience
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import PHONES, upload
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]
HEADER = "user_unique_id,one_id,mobile"


def holder(workspace: Any, *points: str) -> Any:
    """Somebody whose one role has exactly these permission points."""
    number = Role.objects.filter(workspace=workspace).count()
    role = Role.objects.create(
        workspace=workspace, code=f"role-{number}", name=f"Role {number}", permissions=list(points)
    )
    return make_access(workspace, role.code)


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        ("", f"{HEADER}\nu2,".encode()),
        ("?bom=1", b"\xef\xbb\xbf" + f"{HEADER}\nu2,".encode()),
        ("?header=0", b"u2,u2,13800000002\n"),
        ("?header=false&bom=true", b"\xef\xbb\xbfu2,u2,13800000002\n"),
    ],
)
def test_a_file_is_written_as_it_is_asked_for(
    world: World, computed: Computed, query: str, starts: bytes
) -> None:
    key = computed().pk
    assert Client(world.access).get(f"audiences/{key}/export/{query}").getvalue().startswith(starts)
    console = Browser(world.access).client.get(f"/w/{world.workspace.slug}/audiences/{key}/export/{query}")
    assert b"".join(console.streaming_content).startswith(starts)


def test_a_compressed_file_holds_the_same_lines(world: World, computed: Computed) -> None:
    client, audience = Client(world.access), computed()
    plain = client.get(f"audiences/{audience.pk}/export/").getvalue()
    packed = client.get(f"audiences/{audience.pk}/export/?gzip=1")
    assert packed["Content-Type"] == "application/gzip"
    assert packed["Content-Disposition"].endswith("Women-4.csv.gz")
    assert gzip.decompress(packed.getvalue()) == plain
    assert set(DownloadLog.objects.values_list("file_format", flat=True)) == {"csv", "csv.gz"}


def test_snapshots_are_written_the_same_ways(world: World, computed: Computed) -> None:
    audience = computed()
    kept = snapshots.take(world.access, audience)
    path = f"audiences/{audience.pk}/snapshots/{kept.pk}/export/"
    packed = Client(world.access).get(f"{path}?gzip=1&header=0").getvalue()
    assert gzip.decompress(packed).startswith(b"u2,u2,")


def test_an_unknown_wish_is_refused_by_its_name(world: World, computed: Computed) -> None:
    answer = Client(world.access).get(f"audiences/{computed().pk}/export/?bom=maybe")
    assert answer.status_code == 400 and "bom" in answer.json()["errors"]


def test_the_page_of_options_leads_to_the_file(world: World, computed: Computed) -> None:
    audience = computed()
    page = Browser(world.access).get(f"{audience.pk}/download/").content.decode()
    assert f"{audience.pk}/export/" in page and all(f'name="{name}"' in page for name in ("bom", "gzip"))


def test_snapshots_of_public_audiences_need_the_right_to_download(world: World, computed: Computed) -> None:
    audience = computed(public=True)
    kept = snapshots.take(world.access, audience)
    reader = make_access(world.workspace, "analyst")
    assert not reader.can("insight.audience.download")
    path = f"audiences/{audience.pk}/snapshots/{kept.pk}/"
    for tail in ("", "?gzip=1"):
        refused = Client(reader).get(f"{path}export/{tail}")
        assert (refused.status_code, refused.json()["point"]) == (403, "insight.audience.download")
    assert Client(reader).get(f"audiences/{audience.pk}/export/?version={kept.number}").status_code == 403
    console = Browser(reader)
    assert console.get(f"{audience.pk}/snapshots/{kept.pk}/export/").status_code == 403
    assert console.get(f"{audience.pk}/download/").status_code == 403
    assert f"{kept.pk}/export/" not in console.get(f"{audience.pk}/card/snapshots/").content.decode()
    assert f"{kept.pk}/export/" not in console.get(f"{audience.pk}/versions/").content.decode()
    assert not DownloadLog.objects.exists()


def test_with_the_right_snapshots_of_public_audiences_are_downloaded_masked(
    world: World, computed: Computed
) -> None:
    audience = computed(public=True)
    kept = snapshots.take(world.access, audience)
    reader = holder(world.workspace, "insight.audience.list", "insight.audience.download")
    answer = Client(reader).get(f"audiences/{audience.pk}/snapshots/{kept.pk}/export/")
    assert answer.status_code == 200 and b"13800000002" not in answer.getvalue()
    log = DownloadLog.objects.get()
    assert (log.rows, log.unmasked, log.user_id) == (4, False, reader.user.pk)


def test_refused_lines_come_with_their_numbers_and_are_logged(world: World, run_jobs: Any) -> None:
    audience = upload(world)
    run_jobs()
    client = Client(world.access)
    lines = client.get(f"audiences/{audience.pk}/refused/").getvalue().decode().splitlines()
    assert lines == ["line,value", '7,"nonsense"', '8,"\'=1+1"']
    packed = client.get(f"audiences/{audience.pk}/refused/?gzip=1&header=0")
    assert gzip.decompress(packed.getvalue()).decode().splitlines() == lines[1:]
    entries = AuditEntry.objects.filter(action="audience.refused_lines_downloaded")
    assert [entry.detail["unmasked"] for entry in entries] == [True, True]
    assert {entry.detail["rows"] for entry in entries} == {2}


def test_refused_lines_are_masked_without_the_right_and_hidden_from_others(
    world: World, run_jobs: Any
) -> None:
    owner = make_access(world.workspace, "analyst")
    content = PHONES.replace(b"nonsense", b"1380000000X")
    audience = upload(World(owner, world.members), content, public=True)
    run_jobs()
    path = f"audiences/{audience.pk}/refused/"
    masked = Client(owner).get(path).getvalue().decode()
    assert "1380000000X" not in masked and masked.startswith("line,value\n7,")
    assert not AuditEntry.objects.get(action="audience.refused_lines_downloaded").detail["unmasked"]
    assert Client(make_access(world.workspace, "analyst")).get(path).status_code == 403


def test_a_file_without_refused_lines_has_none_to_download(world: World, run_jobs: Any) -> None:
    audience = upload(world, b"10012345678\n")
    run_jobs()
    answer = Client(world.access).get(f"audiences/{audience.pk}/refused/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
