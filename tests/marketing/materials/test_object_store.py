"""Materials in a store that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from moto.server import ThreadedMotoServer

from cdp import environment
from cdp.core.object_store import ObjectStore
from marketing.materials import services, serving
from tests.factories import make_access
from tests.marketing.materials import files


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The store as the environment names it; the bucket is empty."""
    requests.post(f"{url}/moto-api/reset", timeout=10)
    values = {"PATH": "s3://tides/library/", "S3_ENDPOINT": url, "S3_KEY_ID": "key", "S3_SECRET": "words"}
    for name, value in values.items():
        monkeypatch.setenv(f"MATERIALS_{name}", value)
    storage = environment.file_storage("MATERIALS", Path("/nowhere"))
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="words",
    )
    client.create_bucket(Bucket="tides")
    return client


def keys(bucket: Any) -> list[str]:
    return [item["Key"] for item in bucket.list_objects_v2(Bucket="tides").get("Contents", [])]


def test_a_material_lies_in_the_store_is_shown_and_goes_with_the_last_that_has_it(
    db: None, bucket: Any, django_capture_on_commit_callbacks: Any
) -> None:
    access = make_access()
    made = services.upload(access, "hat.png", BytesIO(files.png()))
    again = services.upload(access, "same.png", BytesIO(files.png()))
    assert keys(bucket) == [f"library/{made.path}"]
    assert serving.content(made).content == default_storage.open(made.path).read() != b""
    assert default_storage.size(made.path) == made.size
    for row in (made, again):
        with django_capture_on_commit_callbacks(execute=True):
            services.delete(access, row)
    assert keys(bucket) == []


def test_what_is_not_there_is_told(bucket: Any) -> None:
    assert not default_storage.exists("gone.png")
    with pytest.raises(FileNotFoundError):
        default_storage.open("gone.png")
    with pytest.raises(FileNotFoundError):
        default_storage.size("gone.png")


def test_a_store_that_refuses_is_no_missing_file(bucket: Any, url: str) -> None:
    store = ObjectStore(bucket="another", endpoint=url, key_id="key", secret="words")
    with pytest.raises(Exception, match="NoSuchBucket"):
        store.save("a.txt", ContentFile(b"a"))


def test_the_path_must_name_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATERIALS_PATH", "/some/folder")
    with pytest.raises(ImproperlyConfigured):
        environment.file_storage("MATERIALS", Path("/nowhere"))
