"""The command, as a process of its own."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.conf import settings

from marketing.sandbox.provider import DATABASE

FOLDER = "sandbox data"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    http, smtp = _free_port(), _free_port()
    command = [
        sys.executable,
        "manage.py",
        "sandbox_provider",
        "--http-port",
        str(http),
        "--smtp-port",
        str(smtp),
        "--apns-port",
        "0",
    ]
    command += ["--data", str(tmp_path / FOLDER), "--platform-name", "Test platform"]
    # No database answers at these addresses: the sandbox needs none.
    environment = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    process = subprocess.Popen(command, cwd=settings.ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert f"127.0.0.1:{http}/inbox/" in process.stdout.readline()
    yield process, http, smtp
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_process_takes_mail_shows_it_and_ends_on_request(
    running: tuple[subprocess.Popen[str], int, int], tmp_path: Path
) -> None:
    process, http, smtp = running
    with smtplib.SMTP("127.0.0.1", smtp, timeout=20) as connection:
        connection.sendmail("a@x.example", ["ann@x.example"], "Subject: Hello\r\n\r\nx")
    url = f"http://127.0.0.1:{http}"
    assert requests.get(f"{url}/inbox/api/messages?to=ann@x.example", timeout=20).json()["count"] == 1
    answer = requests.get(f"{url}/contract/sms/smsSign/Tide", timeout=20).json()
    assert answer["platformName"] == "Test platform"
    assert (tmp_path / FOLDER / DATABASE).exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_a_port_in_use_is_told_in_one_line(running: tuple[subprocess.Popen[str], int, int]) -> None:
    _process, http, _smtp = running
    command = [
        sys.executable,
        "manage.py",
        "sandbox_provider",
        "--http-port",
        str(http),
        "--smtp-port",
        "0",
        "--apns-port",
        "0",
        "--memory",
    ]
    ended = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "The sandbox cannot listen" in ended.stderr
    assert "Traceback" not in ended.stderr
