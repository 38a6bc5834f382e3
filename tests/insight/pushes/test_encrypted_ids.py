"""Pushing IDs that are AES-encrypted with the organization's key: clear only on their way out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection

from admin_center.organizations import id_key
from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.crypto.customer_ids import encrypt_id
from insight.audiences import outside
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets.models import DatasetField
from insight.pushes import fields, interfaces, services
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS
from marketing.sandbox.options import Options
from marketing.sandbox.provider import SandboxProvider
from tests.insight.audiences.world import World, make_dataset
from tests.insight.pushes.servers import Hook
from tests.marketing.sandbox.conftest import Client

RunJobs = Callable[..., Any]
SECRET = "0123456789ABCDEF"
KNOWN = "D/sJzgv2sHWBONDIZXW/Eg=="
"""13800138000 under the key."""
PLAIN = {"kind": "id", "column": "user_unique_id", "alias": "phone", "encryption": "none"}


def set_key(world: World, key: str = SECRET) -> None:
    world.access.user.is_manager = True
    id_key.put(world.access, key)


@pytest.fixture
def listed(world: World, run_jobs: RunJobs) -> Callable[..., Audience]:
    """Makes an audience of AES-encrypted numbers."""

    def make(ids: Sequence[str], name: str = "List") -> Audience:
        given = {"id_type": "mobile", "encryption": "aes", "name": name}
        content = "".join(f"{value}\n" for value in ids).encode()
        audience, _job = outside.upload(world.access, BytesIO(content), "list.csv", given)
        run_jobs()
        return Audience.objects.select_related("workspace", "current").get(pk=audience.pk)

    return make


def pushed(
    world: World, audience: Audience, interface: PushInterface, run_jobs: RunJobs, *chosen: Any
) -> Push:
    row = services.push(world.access, audience, interface, {"fields": list(chosen or (PLAIN,))})
    run_jobs(allow_failure=True)
    row.refresh_from_db()
    return row


@pytest.fixture
def sandbox(world: World) -> Iterator[SandboxProvider]:
    found = SandboxProvider(Options())
    found.start()
    yield found
    found.stop()


def test_the_sandbox_receives_the_plain_number_and_no_database_holds_it(
    world: World, listed: Callable[..., Audience], sandbox: SandboxProvider, run_jobs: RunJobs
) -> None:
    set_key(world)
    config = {"url": f"{sandbox.url}/pushes", "secret": "sandbox-key"}
    there = interfaces.create(world.access, {"name": "Sandbox", "target": "webhook", "config": config})
    row = pushed(world, listed([KNOWN, encrypt_id("+86 13800138001", SECRET)]), there, run_jobs)
    assert (row.state, row.users, row.ids, row.undecryptable) == ("succeeded", 2, 2, 0), row.message
    first, last = Client(sandbox).arrived(2)
    assert "13800138000" in first["text"] and "13800138001" in first["text"]
    assert first["to"] == last["to"] == row.pk and last["subject"] == "List: end, 2 users"
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', ["%13800138000%"])
            assert cursor.fetchone() == (0,), table
    with lake.cursor() as handle:
        schema = lake.workspace_schema(world.workspace)
        names = handle.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [schema]
        ).fetchall()
        ciphers = 0
        for (name,) in names:
            path = lake.table_path(world.workspace, name)
            found = handle.execute(
                f"SELECT count(*) FILTER (text LIKE '%13800138000%'), count(*) FILTER (text LIKE '%{KNOWN}%') "
                f"FROM (SELECT t::VARCHAR AS text FROM {path} t)"
            ).fetchone() or (0, 0)
            assert found[0] == 0, name
            ciphers += found[1]
    assert ciphers


def test_a_call_with_a_wrong_signature_is_refused_by_the_sandbox(
    world: World, sandbox: SandboxProvider
) -> None:
    config = {"url": f"{sandbox.url}/pushes", "secret": "another key"}
    with pytest.raises(ValidationFailed, match="401"):
        interfaces.create(world.access, {"name": "Sandbox", "target": "webhook", "config": config})


def test_unless_asked_for_cipher_texts_go_as_they_are(
    world: World, listed: Callable[..., Audience], webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    set_key(world)
    pushed(world, listed([KNOWN]), webhook, run_jobs, {"kind": "id", "column": "user_unique_id"})
    assert hook.users() == [{"user_unique_id": KNOWN, "mobile": KNOWN}]


def test_hashes_are_those_of_the_decrypted_number(
    world: World, listed: Callable[..., Audience], webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    set_key(world)
    hashed = {**PLAIN, "encryption": "sha256"}
    pushed(world, listed([encrypt_id("+86 138-0013-8000", SECRET)]), webhook, run_jobs, hashed)
    assert hook.users()[0]["phone"] == hashlib.sha256(b"13800138000").hexdigest()


def test_without_a_key_nothing_is_decrypted_and_the_hint_says_why(
    world: World, listed: Callable[..., Audience], webhook: PushInterface
) -> None:
    audience = listed([KNOWN])
    offered = fields.offered(world.access, audience, TARGETS["webhook"])
    assert offered["ids"][0]["encryptions"] == ["aes"]
    with pytest.raises(ValidationFailed) as caught:
        services.push(world.access, audience, webhook, {"fields": [PLAIN]})
    assert list(caught.value.errors) == ["fields/0/encryption"]
    assert "has no key yet" in str(caught.value.errors["fields/0/encryption"])
    set_key(world)
    offered = fields.offered(world.access, audience, TARGETS["webhook"])
    assert offered["ids"][0]["encryptions"] == ["aes", "none", "md5", "sha256"]


def test_what_cannot_be_decrypted_is_left_out_and_counted(
    world: World, listed: Callable[..., Audience], webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    set_key(world)
    good = [encrypt_id(f"1380013800{digit}", SECRET) for digit in range(4)]
    bad = ["13800138009", "AAAAAAAAAAAAAAAAAAAAAA==", encrypt_id("12345", SECRET)]
    row = pushed(world, listed([*good, *bad]), webhook, run_jobs)
    assert (row.state, row.users, row.skipped, row.undecryptable) == ("partly", 4, 3, 3)
    assert {user["phone"] for user in hook.users()} == {f"1380013800{digit}" for digit in range(4)}


def test_a_wrong_key_stops_it_before_anything_is_sent(
    world: World, listed: Callable[..., Audience], webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    set_key(world, "0123456789abcdef")
    audience = listed([encrypt_id(f"138001380{number:02}", SECRET) for number in range(20)])
    row = pushed(world, audience, webhook, run_jobs)
    assert (row.state, row.error_code) == ("failed", "wrong_id_key")
    assert "does not fit the column “phone”" in row.message and not hook.users()


def test_a_schedule_keeps_the_form_and_decrypts_each_time(
    world: World, listed: Callable[..., Audience], webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    set_key(world)
    setting = services.set_periodic(
        world.access, listed([KNOWN]), webhook, {"fields": [PLAIN], "refresh": {"every": "day"}}
    )
    assert (setting.fields[0]["stored"], setting.fields[0]["encryption"]) == ("aes", "none")
    PushSetting.objects.update(next_push_at=setting.created_at)
    assert services.start_due() == 1
    run_jobs()
    assert hook.users() == [{"user_unique_id": "13800138000", "phone": "13800138000"}]


def test_ids_of_a_dataset_are_decrypted_although_the_identifier_was_not_among_the_saved_ones(
    world: World, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    set_key(world)
    table = pa.table({"user_unique_id": [KNOWN], "vip": ["yes"]})
    dataset = make_dataset(world.workspace, "Callers", "user_tags", table, unique_users=True)
    DatasetField.objects.create(
        dataset=dataset, column="phone", role="identifier", id_type="mobile", encryption="aes"
    )
    DatasetField.objects.create(dataset=dataset, column="vip", role="tag", tag_type="enum")
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "vip", "operator": "not_empty"}
    made = audiences.create(world.access, {"name": "Callers", "rule": rule, "save_ids": []})
    run_jobs()
    audience = Audience.objects.select_related("workspace", "current").get(pk=made.pk)
    pushed(world, audience, webhook, run_jobs)
    assert [user["phone"] for user in hook.users()] == ["13800138000"]
