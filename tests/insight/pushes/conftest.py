from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.pushes import interfaces
from insight.pushes.models import PushInterface
from tests.insight.audiences.world import World, make_world
from tests.insight.pushes import servers


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def audience(world: World, run_jobs: Callable[..., Any]) -> Audience:
    """u2, u3, u6, u8 with their mobile numbers; u3 has none."""
    made = audiences.create(
        world.access, {"name": "Women", "rule": world.women, "save_ids": ["one_id", "mobile"]}
    )
    run_jobs()
    return Audience.objects.select_related("workspace", "current").get(pk=made.pk)


@pytest.fixture
def hook() -> Iterator[servers.Hook]:
    with servers.hook() as found:
        yield found


@pytest.fixture
def webhook(world: World, hook: servers.Hook) -> PushInterface:
    config = {"url": hook.url, "secret": "shared words"}
    made = interfaces.create(world.access, {"name": "Hook", "target": "webhook", "config": config})
    hook.calls.clear()
    return made


@pytest.fixture(scope="session")
def broker() -> servers.Broker:
    return servers.Broker()


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[servers.SftpServer]:
    (tmp_path / "in").mkdir()
    server = servers.SftpServer(tmp_path)
    server.start()
    yield server
    server.stop()
