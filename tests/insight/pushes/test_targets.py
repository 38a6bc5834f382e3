"""Kafka, SFTP and S3 against servers that speak their protocols."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from cdp.core.errors import ValidationFailed
from insight.audiences.models import Audience
from insight.pushes import interfaces, services
from insight.pushes.models import Push, PushInterface
from insight.pushes.targets import TARGETS, PushError, files
from insight.pushes.targets.base import Head, Row
from tests.insight.audiences.world import World
from tests.insight.pushes.servers import Broker, SftpServer

RunJobs = Callable[..., Any]
KEY = {"kind": "id", "column": "user_unique_id", "alias": "id"}
MOBILE = {"kind": "id", "column": "mobile", "alias": "phone"}


def pushed(
    world: World, audience: Audience, interface: PushInterface, run_jobs: RunJobs, *more: Any, **options: Any
) -> Push:
    given = {"fields": [KEY, MOBILE, *more], "options": options}
    row = services.push(world.access, audience, interface, given)
    run_jobs(allow_failure=True)
    row.refresh_from_db()
    return row


def tags(world: World) -> list[dict[str, Any]]:
    return [
        {"kind": "tag", "dataset": world.members.pk, "column": column, "alias": alias}
        for column, alias in (("interests", "likes"), ("spend", "spend"))
    ]


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return f"t-{abs(hash(request.node.name))}"


@pytest.fixture
def kafka(world: World, broker: Broker, topic: str) -> PushInterface:
    config = {"servers": broker.servers, "topic": topic, "security": "PLAINTEXT"}
    return interfaces.create(world.access, {"name": "Kafka", "target": "kafka", "config": config})


def test_kafka_gets_one_record_per_user_and_a_last_one_with_the_counts(
    world: World, audience: Audience, kafka: PushInterface, broker: Broker, topic: str, run_jobs: RunJobs
) -> None:
    row = pushed(world, audience, kafka, run_jobs, *tags(world))
    assert (row.state, row.users, row.ids) == ("succeeded", 4, 7), row.message
    records = broker.records(topic, 5)
    found = {message.key().decode(): json.loads(message.value()) for message in records}
    assert set(found) == {"u2", "u3", "u6", "u8", "#end"}
    assert found["u3"]["fields"] == {"id": "u3", "phone": None, "likes": ["a", "b"], "spend": 100.0}
    head = {key: value for key, value in found["u2"].items() if key not in ("fields", "time")}
    assert head == {
        "push_id": row.pk,
        "audience_id": audience.pk,
        "audience_name": "Women",
        "version": 1,
    }
    assert (found["#end"]["users"], found["#end"]["ids"]) == (4, 7)
    headers = dict(records[0].headers())
    assert headers == {"content-type": b"application/json", "schema": b"audience.v1"}


def test_kafka_takes_lines_of_csv_with_a_header_record(
    world: World, audience: Audience, kafka: PushInterface, broker: Broker, topic: str, run_jobs: RunJobs
) -> None:
    pushed(world, audience, kafka, run_jobs, *tags(world), format="csv")
    found = {message.key().decode(): message.value().decode() for message in broker.records(topic, 6)}
    assert found["#header"] == "user_unique_id,id,phone,likes,spend"
    assert found["u3"] == "u3,u3,,a|b,100.0"


def test_a_broker_that_is_away_is_said(world: World) -> None:
    config = {"servers": "127.0.0.1:9", "topic": "t", "security": "PLAINTEXT"}
    with pytest.raises(ValidationFailed, match="Kafka says"):
        interfaces.create(world.access, {"name": "Kafka", "target": "kafka", "config": config})
    for wrong, field in (
        ({"servers": "localhost"}, "servers"),
        ({"topic": "white space"}, "topic"),
        ({"security": "SASL_SSL"}, "user"),
        ({"security": "none"}, "security"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            interfaces.create(
                world.access, {"name": "Kafka", "target": "kafka", "config": {**config, **wrong}}
            )
        assert list(caught.value.errors) == [f"config/{field}"]


@pytest.fixture
def login(sftp: SftpServer) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": sftp.port,
        "user": "tides",
        "password": "secret words",
        "fingerprint": sftp.fingerprint,
        "folder": "in",
    }


def rows_of(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return list(csv.reader(io.StringIO(text.decode())))


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_a_file_appears_on_the_sftp_server_when_it_is_whole(
    world: World, audience: Audience, sftp: SftpServer, login: dict[str, Any], run_jobs: RunJobs, form: str
) -> None:
    made = interfaces.create(world.access, {"name": "Files", "target": "sftp", "config": login})
    row = pushed(world, audience, made, run_jobs, *tags(world), format=form)
    assert row.state == "succeeded", row.message
    (file,) = (sftp.folder / "in").iterdir()
    assert file.name.startswith("Women_v1_") and file.name.endswith(f".{form}")
    assert row.message == f"/in/{file.name}"
    assert rows_of(file) == [
        ["user_unique_id", "id", "phone", "likes", "spend"],
        ["u2", "u2", "13800000002", "b", "99.99"],
        ["u3", "u3", "", "a|b", "100.0"],
        ["u6", "u6", "13800000006", "c", ""],
        ["u8", "u8", "13800000008", "ab", "100.0"],
    ]


def test_a_server_that_fails_in_the_middle_keeps_no_half_file(
    world: World, audience: Audience, sftp: SftpServer, login: dict[str, Any], run_jobs: RunJobs
) -> None:
    made = interfaces.create(world.access, {"name": "Files", "target": "sftp", "config": login})
    sftp.refuse_after = 10
    row = pushed(world, audience, made, run_jobs)
    assert row.state == "failed" and row.message
    assert list((sftp.folder / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "auth_failed"),
        ({"fingerprint": "SHA256:another"}, "host_key_changed"),
        ({"folder": "out"}, "folder_missing"),
        ({"port": 9}, "push_failed"),
        ({"private_key": "no key"}, "auth_failed"),
    ],
)
def test_sftp_servers_that_are_not_as_they_were_set_up_are_refused(
    login: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    with pytest.raises(PushError) as caught:
        TARGETS["sftp"].test({"private_key": "", **login, **change})
    assert caught.value.code == code


@pytest.fixture
def store() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    requests.post(f"{url}/moto-api/reset", timeout=10)
    client(url).create_bucket(Bucket="tides")
    yield url
    server.stop()


def client(url: str) -> Any:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "words", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, **keys)


def s3_config(url: str, **more: Any) -> dict[str, Any]:
    return {
        "endpoint": url,
        "bucket": "tides",
        "folder": "/pushed/",
        "access_key": "key",
        "secret_key": "words",
        **more,
    }


def test_an_object_appears_in_the_store_when_it_is_whole(
    world: World, audience: Audience, store: str, run_jobs: RunJobs
) -> None:
    made = interfaces.create(world.access, {"name": "Store", "target": "s3", "config": s3_config(store)})
    row = pushed(world, audience, made, run_jobs, format="csv.gz")
    assert row.state == "succeeded", row.message
    (item,) = client(store).list_objects_v2(Bucket="tides")["Contents"]
    assert row.message == f"tides/{item['Key']}" and item["Key"].startswith("pushed/Women_v1_")
    raw = client(store).get_object(Bucket="tides", Key=item["Key"])["Body"].read()
    assert gzip.decompress(raw).decode().splitlines()[1] == "u2,u2,13800000002"


def test_large_objects_go_up_in_parts_and_an_abort_leaves_nothing(
    world: World, audience: Audience, store: str
) -> None:
    head = Head("psh_1", audience.pk, "Many", 1, audience.created_at, ["id"], {"format": "csv"})
    config = {**s3_config(store), "region": ""}
    rows = [Row(f"u{number}", {"id": "x" * 200}) for number in range(30_000)]
    writer: Any = TARGETS["s3"].open(config, head, world.workspace)
    for _number in range(3):
        writer.write(rows)
    assert len(writer.parts) >= 2 and max(map(len, [writer.waiting])) < files.PART_BYTES
    writer.abort()
    listed = client(store).list_objects_v2(Bucket="tides")
    assert listed["KeyCount"] == 0
    assert not client(store).list_multipart_uploads(Bucket="tides").get("Uploads")
    whole: Any = TARGETS["s3"].open(config, head, world.workspace)
    whole.write(rows)
    place = whole.finish(30_000, 30_000).split("/", 1)[1]
    body = client(store).get_object(Bucket="tides", Key=place)["Body"].read()
    assert body.count(b"\n") == 30_001


def test_a_missing_bucket_is_said(world: World, store: str) -> None:
    with pytest.raises(ValidationFailed, match="There is no bucket") as caught:
        interfaces.create(
            world.access, {"name": "Store", "target": "s3", "config": s3_config(store, bucket="elsewhere")}
        )
    assert caught.value.code == "folder_missing"


def test_private_addresses_are_refused_where_the_installation_says_so(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = False
    for target, config in (
        ("webhook", {"url": "http://127.0.0.1/x", "secret": "s"}),
        ("kafka", {"servers": "127.0.0.1:9092", "topic": "t", "security": "PLAINTEXT"}),
        ("sftp", {"host": "127.0.0.1", "user": "u", "password": "p"}),
        ("s3", s3_config("http://127.0.0.1:9000")),
    ):
        with pytest.raises(ValidationFailed) as caught:
            interfaces.create(world.access, {"name": target, "target": target, "config": config})
        assert "private network" in str(caught.value.errors)
