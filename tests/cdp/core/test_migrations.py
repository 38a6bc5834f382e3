"""Every migration of ours passes over tables that hold rows, keeps them, and where it can be undone that does, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import CreateModel
from django.db.migrations.executor import MigrationExecutor
from psycopg.sql import SQL, Identifier

from tests.cdp.core.filling import Filler, differences, snapshot

OURS = {"cdp", "admin_center", "insight", "marketing", "lab"}
DATABASE = "tideline_migrated"
REWRITTEN = {"datasets_dataset.definition"}
"""Columns to which a migration gives other values, as it should: how many rows a user has is said from then on."""


def labels() -> set[str]:
    """The labels of our own apps."""
    return {app.label for app in apps.get_app_configs() if app.name.partition(".")[0] in OURS}


@pytest.fixture
def empty_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The connection leads to a database without tables, instead of the one of the tests."""
    given = connection.settings_dict
    with django_db_blocker.unblock():
        connection.close()
        words = {
            "host": given["HOST"],
            "port": given["PORT"],
            "user": given["USER"],
            "password": given["PASSWORD"],
        }
        with psycopg.connect(
            dbname="postgres", autocommit=True, **{key: value for key, value in words.items() if value}
        ) as server:
            name = Identifier(DATABASE)
            server.execute(SQL("DROP DATABASE IF EXISTS {}").format(name))
            server.execute(SQL("CREATE DATABASE {}").format(name))
            tests, given["NAME"] = given["NAME"], DATABASE
            try:
                yield
            finally:
                connection.close()
                given["NAME"] = tests
                server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def migrate(*targets: tuple[str, str | None]) -> Any:
    """Go to these migrations; the models as they are then."""
    return MigrationExecutor(connection).migrate(list(targets)).apps


def stops() -> list[list[tuple[str, str]]]:
    """The migrations in order, in groups: new tables are filled before anything changes tables that are there."""
    executor = MigrationExecutor(connection)
    ours, groups, fresh = labels(), [[]], False  # type: ignore[var-annotated]
    for migration, _back in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        if fresh and migration.app_label in ours and not migration.initial:
            groups.append([])
            fresh = False
        groups[-1].append((migration.app_label, migration.name))
        fresh = fresh or any(isinstance(operation, CreateModel) for operation in migration.operations)
    return groups


@pytest.mark.slow
def test_migrations_keep_the_rows_that_tables_hold(empty_database: None) -> None:
    filler, ours = Filler(), labels()
    kept: Any = {}
    for group in stops():
        state = migrate(*group)
        after = snapshot(set(kept))
        assert differences(kept, after) <= REWRITTEN, group
        filler.fill(state, ours)
        kept = snapshot(filler.filled)
    models = [model for model in apps.get_models() if model._meta.app_label in ours and model._meta.managed]
    assert {model._meta.db_table for model in models} <= filler.filled

    newest = [node for node in MigrationExecutor(connection).loader.graph.leaf_nodes() if node[0] in ours]
    undone = [before for node in newest if (before := _before(node)) is not None]
    for target in undone:
        migrate(target)
    migrate(*newest)
    assert differences(kept, snapshot(filler.filled)) <= REWRITTEN
    for model in models:
        list(model._base_manager.all())


def _before(node: tuple[str, str]) -> tuple[str, str] | None:
    """The migration before an app's newest one, where going back takes no table with its rows along.

    Migrations of other apps that need the newest one are undone with it.
    """
    executor = MigrationExecutor(connection)
    own = executor.loader.get_migration(*node).dependencies
    before = next((parent for parent in own if parent[0] == node[0]), None)
    plan = executor.migration_plan([before]) if before else []
    keeps = all(
        operation.reversible and not isinstance(operation, CreateModel)
        for migration, _back in plan
        for operation in migration.operations
    )
    return before if keeps else None
