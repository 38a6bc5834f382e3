"""What is done to several ticked audiences at once: delete, copy, download, use."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from admin_center.audit.models import AuditEntry, DownloadLog
from insight.audiences import combining, many, services, snapshots
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World

Computed = Callable[..., Audience]


@pytest.fixture
def client(world: World) -> Client:
    return Client(world.access)


@pytest.fixture
def console(world: World) -> Browser:
    return Browser(world.access)


def chain(world: World, computed: Computed, run_jobs: Any) -> list[Audience]:
    """Two audiences, a set operation of both, and a selection from that."""
    first, second = computed(), computed(name="Second")
    inputs = [{"audience": row.pk} for row in (first, second)]
    third = combining.create(world.access, {"name": "Third", "inputs": inputs, "operators": ["union"]})
    run_jobs()
    return [first, second, third, computed({"kind": "audience", "audience": third.pk}, name="Last")]


def names() -> set[str]:
    return set(Audience.objects.values_list("name", flat=True))


def test_a_chain_is_deleted_as_a_whole_in_whatever_order_it_was_ticked(
    client: Client, world: World, computed: Computed, run_jobs: Any
) -> None:
    rows = chain(world, computed, run_jobs)
    answer = client.post("audiences/delete/", {"audiences": [row.pk for row in rows]})
    assert (answer.status_code, answer.json()) == (200, {"deleted": 4})
    assert not names()
    assert AuditEntry.objects.filter(action="audience.deleted").count() == 4


def test_where_one_is_still_used_nothing_is_deleted_and_the_users_are_named(
    client: Client, world: World, computed: Computed, run_jobs: Any
) -> None:
    first, second, third, last = chain(world, computed, run_jobs)
    alone = computed(name="Alone")
    ticked = [alone.pk, first.pk, second.pk, third.pk]
    answer = client.post("audiences/delete/", {"audiences": ticked})
    assert (answer.status_code, answer.json()["code"]) == (409, "audience_in_use")
    assert answer.json()["used_by"] == [
        {"audience": third.pk, "audience_name": "Third", "kind": "audience", "name": last.name}
    ]
    assert names() == {"Women", "Second", "Third", "Last", "Alone"}
    assert not AuditEntry.objects.filter(action="audience.deleted").exists()


def test_a_failure_half_way_leaves_everything(
    world: World, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [computed(), computed(name="Second")]
    delete, done = services.delete, []

    def once(access: Any, row: Audience) -> None:
        if done:
            raise RuntimeError
        done.append(row)
        delete(access, row)

    monkeypatch.setattr(services, "delete", once)
    with pytest.raises(RuntimeError):
        many.delete(world.access, rows)
    assert names() == {"Women", "Second"}


def test_nobody_deletes_others_audiences_in_bulk(world: World, computed: Computed) -> None:
    theirs = computed(public=True)
    other = make_access(world.workspace, "analyst")
    own = services.create(other, {"name": "Own", "rule": world.women}, compute=False)
    answer = Client(other).post("audiences/delete/", {"audiences": [own.pk, theirs.pk]})
    assert answer.status_code == 403 and names() == {"Women", "Own"}


def test_the_console_says_what_goes_and_what_keeps_it_then_deletes(
    console: Browser, world: World, computed: Computed, run_jobs: Any
) -> None:
    first, second, third, last = chain(world, computed, run_jobs)
    snapshots.take(world.access, first)
    asked = console.post(action="delete", row=[first.pk, second.pk, third.pk])
    page = console.client.get(asked.url).content.decode()
    assert "1 snapshot is deleted too" in page and "is used by" in page and last.name in page
    assert console.client.post(asked.url).status_code == 409 and len(names()) == 4
    everything = f"delete/?{'&'.join(f'row={row.pk}' for row in (first, second, third, last))}"
    assert console.post(everything).status_code == 302 and not names()


def test_copies_get_free_names_in_the_chosen_folder(client: Client, world: World, computed: Computed) -> None:
    rows = [computed(), computed(name="Second")]
    folder = folders.create(world.access, "Copies")
    answer = client.post(
        "audiences/copy/", {"audiences": [row.pk for row in rows], "folder": folder.pk}
    ).json()
    assert [row["name"] for row in answer["copied"]] == ["Women (copy)", "Second (copy)"]
    assert not answer["refused"]
    assert set(folder.audiences.values_list("name", flat=True)) == {"Women (copy)", "Second (copy)"}


def test_the_console_copies_into_each_ones_own_folder(
    console: Browser, world: World, computed: Computed
) -> None:
    folder = folders.create(world.access, "Spring")
    rows = [computed(folder=folder.pk), computed(name="Second")]
    asked = console.post(action="copy", row=[row.pk for row in rows])
    assert "Copies of 2 audiences" in console.client.get(asked.url).content.decode()
    assert console.client.post(asked.url, {"folder": ""}).status_code == 302
    assert Audience.objects.get(name="Women (copy)").folder_id == folder.pk
    assert Audience.objects.get(name="Second (copy)").folder_id is None


def test_several_are_downloaded_as_one_archive_and_each_is_logged(
    client: Client, world: World, computed: Computed
) -> None:
    rows = [computed(), computed(world.tag("gender", "in", ["m"]), name="women")]
    answer = client.post("audiences/export/", {"audiences": [row.pk for row in rows], "header": False})
    assert answer["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.namelist() == ["Women-4.csv", "women-3.csv"] and archive.testzip() is None
    assert archive.read("Women-4.csv").decode().splitlines()[0] == "u2,u2,13800000002"
    assert set(DownloadLog.objects.values_list("object_id", "rows")) == {(rows[0].pk, 4), (rows[1].pk, 3)}


def test_an_archive_numbers_files_of_one_name(client: Client, world: World, computed: Computed) -> None:
    rows = [computed(name="A/B"), computed(name="A:B")]
    answer = client.post("audiences/export/", {"audiences": [row.pk for row in rows]})
    assert zipfile.ZipFile(io.BytesIO(answer.getvalue())).namelist() == ["A_B-4.csv", "A_B-4 (2).csv"]


def test_no_archive_leaves_where_one_of_them_may_not(world: World, computed: Computed) -> None:
    theirs = computed(public=True)
    reader = make_access(world.workspace, "analyst")
    answer = Client(reader).post("audiences/export/", {"audiences": [theirs.pk]})
    assert answer.status_code == 403 and not DownloadLog.objects.exists()
    draft = services.create(world.access, {"name": "Not yet", "rule": world.women}, compute=False)
    empty = Client(world.access).post("audiences/export/", {"audiences": [theirs.pk, draft.pk]})
    assert (empty.status_code, empty.json()["code"]) == (409, "audience_empty")
    assert not DownloadLog.objects.exists()


def test_the_console_downloads_the_ticked_as_they_are_wanted(console: Browser, computed: Computed) -> None:
    asked = console.post(action="download", row=[computed().pk])
    assert "For Excel" in console.client.get(asked.url).content.decode()
    answer = console.client.post(asked.url, {"bom": "1", "header": ["0", "1"]})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert archive.read("Women-4.csv").startswith(b"\xef\xbb\xbfuser_unique_id,")


def test_several_are_used_together_where_the_application_takes_them(
    client: Client, console: Browser, computed: Computed
) -> None:
    rows = [computed(), computed(name="Second")]
    asked = console.post(action="use", row=[row.pk for row in rows])
    page = console.client.get(asked.url).content.decode()
    chosen = f"audience={rows[0].pk}&amp;audience={rows[1].pk}"
    other = f"audience={rows[1].pk}&amp;audience={rows[0].pk}"
    assert "Send an SMS" in page and (chosen in page or other in page)
    found = client.post("audiences/applications/", {"audiences": [row.pk for row in rows]}).json()["results"]
    by_key = {row["key"]: row for row in found}
    assert by_key["sms"]["usable"] and all(row.pk in by_key["sms"]["url"] for row in rows)
    assert not by_key["email"]["usable"] and "E-mail" in by_key["email"]["reason"]


def test_applications_name_the_ids_that_they_need(client: Client, computed: Computed) -> None:
    audience = computed(save_ids=["one_id"])
    found = client.get(f"audiences/{audience.pk}/applications/").json()["results"]
    sms = next(row for row in found if row["key"] == "sms")
    assert (sms["usable"], sms["id_types"]) == (False, ["mobile"]) and "Mobile number" in sms["reason"]


def test_actions_tell_what_is_offered_and_what_one_may_do(
    client: Client, world: World, computed: Computed
) -> None:
    audience = computed(public=True)
    own = {row["action"]: row for row in client.get(f"audiences/{audience.pk}/actions/").json()["results"]}
    assert all(row["offered"] and row["allowed"] for row in own.values())
    reader = Client(make_access(world.workspace, "analyst"))
    rows = reader.get(f"audiences/{audience.pk}/actions/").json()["results"]
    allowed = {row["action"] for row in rows if row["allowed"]}
    assert "copy" in allowed and not allowed & {"edit", "refresh", "snapshot", "delete", "download", "move"}


def test_the_source_is_told_in_words(client: Client, world: World, computed: Computed) -> None:
    found = client.get(f"audiences/{computed().pk}/source/").json()
    assert found["origin"] == "selection" and "Gender" in found["words"]
    assert [row["name"] for row in found["made_from"]] == [world.members.name]


def test_tables_that_are_newer_than_their_dataset_are_told(
    client: Client, console: Browser, world: World, computed: Computed
) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from tests.insight.audiences.test_outside import lake_table

    audience, now = computed(), timezone.now()
    table = lake_table(world, "members", "SELECT 1 AS member_no")
    table.loaded_at = now - timedelta(hours=2)
    table.save()
    world.members.table, world.members.refreshed_at = table, now - timedelta(hours=1)
    world.members.save()

    def stop() -> Any:
        return client.get(f"audiences/{audience.pk}/lineage/").json()["made_from"][0]

    assert (stop()["table"], stop()["table_newer"]) == ("members", False)
    assert "newer than the dataset" not in console.get(f"{audience.pk}/").content.decode()
    table.loaded_at = now
    table.save()
    assert stop()["table_newer"] and stop()["table_at"] == now.isoformat()
    assert "newer than the dataset" in console.get(f"{audience.pk}/").content.decode()
