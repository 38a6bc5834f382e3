"""Databases outside for the tests of sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.insight.datasources import servers
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import Head

STATEMENTS = {
    "postgresql": [
        "CREATE TABLE members (member_no text PRIMARY KEY, phone text, points integer, joined date)",
        "COMMENT ON TABLE members IS 'Everybody with a card'",
        "COMMENT ON COLUMN members.points IS 'Points now'",
        "INSERT INTO members VALUES ('m1', '13800000001', 5, '2026-01-02'), ('m2', NULL, 7, NULL)",
        "CREATE VIEW grown AS SELECT member_no FROM members",
        'CREATE TABLE "Odd ""name/here" ("select" integer)',
        "CREATE SCHEMA other",
        "CREATE TABLE other.visits (id bigint)",
        "ANALYZE members",
    ],
    "mysql": [
        "CREATE TABLE members (member_no varchar(20) PRIMARY KEY, phone varchar(20), points int COMMENT 'Points now', "
        "joined date) COMMENT 'Everybody with a card'",
        "INSERT INTO members VALUES ('m1', '13800000001', 5, '2026-01-02'), ('m2', NULL, 7, NULL)",
        "CREATE VIEW grown AS SELECT member_no FROM members",
        'CREATE TABLE `Odd "name/here` (`select` integer)',
        "ANALYZE TABLE members",
    ],
}


@pytest.fixture(scope="session")
def mysql_process() -> Iterator[Server]:
    """One MariaDB for all tests."""
    with servers.mysql_server() as server:
        yield server


@pytest.fixture
def postgresql(db: None) -> Iterator[Server]:
    with servers.postgresql_server() as server:
        server.run(*STATEMENTS["postgresql"])
        yield server


@pytest.fixture
def mysql(db: None, mysql_process: Server) -> Iterator[Server]:
    with servers.fresh_mysql(mysql_process) as server:
        server.run(*STATEMENTS["mysql"])
        yield server


@pytest.fixture(params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Any:
    """A database of each kind with the tables of STATEMENTS."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def head(server: Server, run_jobs: Callable[..., Any]) -> Head:
    """A source of an organization, of each kind of database."""
    return Head(server, run_jobs)


@pytest.fixture
def one(postgresql: Server, run_jobs: Callable[..., Any]) -> Head:
    """The same for what does not depend on the kind of database."""
    return Head(postgresql, run_jobs)
