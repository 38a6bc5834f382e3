"""A web process killed by signal 9 while it streams an audience: no half file passes for a whole one."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pyarrow as pa
import pytest
import requests
from django.conf import settings

from cdp.jobs import services as jobs
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import services
from insight.audiences.models import Audience
from tests.factories import make_access, make_token
from tests.insight.audiences.world import TAGS, make_tag_dataset
from tests.processes import eventually, process

PEOPLE = 400_000
"""So many that the file does not fit into the buffers between server and client."""


@pytest.fixture
def audience(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Audience:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    access = make_access()
    columns: dict[str, pa.Array] = {
        "user_unique_id": pa.array([f"customer-number-{number:030}" for number in range(PEOPLE)]),
        "phone": pa.nulls(PEOPLE, pa.string()),
        **{name: pa.nulls(PEOPLE, kind) for name, (_tag, kind) in TAGS.items()},
    }
    columns["gender"] = pa.array(["f"] * PEOPLE)
    dataset = make_tag_dataset(access.workspace, "Members", pa.table(columns))
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "gender", "operator": "in", "value": ["f"]}
    audience = services.create(access, {"name": "Everybody", "rule": rule})
    run_job(Job.objects.get(status="queued").pk)
    audience.refresh_from_db()
    assert audience.count == PEOPLE
    audience.token = make_token(access)  # type: ignore[attr-defined]
    return audience


@contextmanager
def server() -> Iterator[tuple[str, Popen[bytes]]]:
    """A web process as in production, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    arguments = ("-m", "uvicorn", "cdp.asgi:application", "--port", str(port), "--log-level", "warning")
    with process(*arguments, BASE_URL=address) as running:

        def answers() -> bool:
            try:
                return requests.get(f"{address}/health/live", timeout=5).ok
            except requests.ConnectionError:
                return False

        eventually(answers)
        yield address, running


def files() -> set[Path]:
    """Everything that lies in the folders that processes write to."""
    folders = [Path(settings.LAKE_TEMP_PATH), Path(settings.LAKE_PATH), Path(settings.UPLOAD_PATH)]
    return {path for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()}


def download(address: str, audience: Audience) -> requests.Response:
    url = f"{address}/api/v1/workspaces/{audience.workspace.slug}/audiences/{audience.pk}/export/"
    headers = {"Authorization": f"Bearer {audience.token}", "Accept-Encoding": "identity"}  # type: ignore[attr-defined]
    return requests.get(url, headers=headers, stream=True, timeout=60)


def test_a_download_cut_off_by_kill_9_is_an_error_and_the_next_one_is_whole(audience: Audience) -> None:
    before = files()
    with server() as (address, running):
        answer = download(address, audience)
        assert answer.status_code == 200
        pieces = answer.iter_content(100_000)
        got = [next(pieces)]
        running.send_signal(signal.SIGKILL)
        assert running.wait(timeout=10) == -signal.SIGKILL
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
            got.extend(pieces)
    assert 0 < b"".join(got).count(b"\n") < PEOPLE
    assert files() == before

    with server() as (address, running):
        answer = download(address, audience)
        lines = answer.content.decode().splitlines()
    assert lines[0] == "user_unique_id"
    assert len(lines) == PEOPLE + 1 and len(set(lines)) == PEOPLE + 1
    assert files() == before
