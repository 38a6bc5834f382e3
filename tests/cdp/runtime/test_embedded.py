"""The embedded services are real: started, attached to, shared and stopped."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from cdp.runtime import embedded, ports
from cdp.runtime.embedded import Services


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("embedded")
    yield folder
    Services(folder).stop()


@pytest.fixture
def services(data: Path) -> Iterator[Services]:
    users = Services(data, durable=False)
    yield users
    users.stop()
    users.leave()


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite itself runs on named services; these tests start without any."""
    for name in ("DATABASE_URL", "REDIS_URL", "LAKE_PATH", "SECRET_KEY", "ENCRYPTION_KEYS"):
        monkeypatch.delenv(name, raising=False)


def _ids(data: Path) -> list[int]:
    return [json.loads((data / "run" / f"{name}.json").read_text())["pid"] for name in ("postgres", "redis")]


def test_started_services_answer(services: Services) -> None:
    addresses = services.start()
    with psycopg.connect(addresses.database_url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("tideline",)
    assert Redis.from_url(addresses.redis_url).ping()


def test_a_second_user_attaches_to_the_running_services(services: Services, data: Path) -> None:
    addresses = services.start()
    before = _ids(data)
    other = Services(data)
    assert other.start() == addresses
    assert _ids(data) == before
    other.leave()
    assert services.running()


def test_the_last_user_stops_the_services(services: Services, data: Path) -> None:
    services.start()
    processes = [psutil.Process(number) for number in _ids(data)]
    services.leave()
    assert not any(process.is_running() for process in processes)


def test_kept_services_outlive_their_users(services: Services) -> None:
    services.start(keep=True)
    services.leave()
    assert services.running()
    services.stop()
    assert not services.running()


def test_data_and_ports_survive_a_restart(data: Path) -> None:
    services = Services(data)
    first = services.start()
    with psycopg.connect(first.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    Redis.from_url(first.redis_url).rpush("queue", "job")
    services.leave()
    second = services.start()
    assert second == first
    with psycopg.connect(second.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert Redis.from_url(second.redis_url).lrange("queue", 0, -1) == [b"job"]
    services.leave()


def test_a_taken_port_is_replaced(services: Services, data: Path) -> None:
    taken = ports.free_port()
    (data / "run" / "redis.json").write_text(json.dumps({"pid": 1, "port": taken}))
    with socket.create_server((ports.LOOPBACK, taken)):
        addresses = services.start(postgres=False)
        assert f":{taken}/" not in addresses.redis_url


def test_secrets_are_made_once_and_readable_by_the_owner_alone(data: Path) -> None:
    first, second = Services(data).secrets, Services(data).secrets
    assert first == second
    assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600


def test_a_named_database_is_not_embedded(
    services: Services, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/shop")
    monkeypatch.setenv("SECRET_KEY", "given")
    environment = embedded.start_environment(services)
    assert environment["DATABASE_URL"] == "postgresql://elsewhere/shop"
    assert environment["SECRET_KEY"] == "given"
    assert Redis.from_url(environment["REDIS_URL"]).ping()
    assert not (data / "postgres" / "postmaster.pid").exists()


def test_keys_of_another_environment_are_not_used_on_an_embedded_database(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", "of another folder")
    environment = embedded.start_environment(services)
    assert environment["ENCRYPTION_KEYS"] == ",".join(services.secrets.encryption_keys)
