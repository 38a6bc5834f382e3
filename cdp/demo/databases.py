"""Databases of the retailer: the web shop's, connected by Brand A, and the group's, which shares two tables with it.

Both are made in the PostgreSQL server that holds Tideline's own database, where its account may make databases and can
be reached by a source. The rows are those of the retailer's tables.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from admin_center.organizations.outside import PersonAccess
from cdp import lake
from cdp.core import outbound
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.demo.steps import finish, one
from insight.datasources.connections import feeds, services
from insight.datasources.models import Connection, SourceTable
from insight.datasources.organization import sharing
from insight.datasources.queries import path_of

log = logging.getLogger(__name__)
SHOP, GROUP = "网店数据库", "集团数据仓库"
MOST_ROWS = 20_000
SHARED = ("stores", "store_orders")
"""What the group shares with Brand A: not what it pays for its goods."""
NIGHTLY = {"every": "day", "at": "03:00"}


@dataclass(frozen=True)
class Made:
    """A table: its columns in PostgreSQL's words, its comment, and its rows as a query of the lake's tables."""

    columns: str
    comment: str
    query: str


TABLES = {
    "shop": {
        "web_orders": Made(
            "id bigint PRIMARY KEY, order_id text, member_no text, ordered_at timestamp, amount numeric(12,2)",
            "官网订单，每单一行",
            "SELECT row_number() OVER (ORDER BY trade_time, order_id), order_id, user_id, trade_time, trade_amount "
            "FROM {ads_trade} WHERE is_refund = 0 AND channel = '官网'",
        ),
        "newsletter": Made(
            "member_no text PRIMARY KEY, email text, subscribed_at timestamp",
            "订阅邮件的会员",
            "SELECT user_id, email, register_time FROM {ads_user_tag} WHERE email IS NOT NULL ORDER BY 1",
        ),
    },
    "warehouse": {
        "stores": Made(
            "store_no text PRIMARY KEY, orders bigint, first_order_at timestamp",
            "门店",
            "SELECT store_no, count(*), min(trade_time) FROM {ads_trade} WHERE store_no IS NOT NULL "
            "GROUP BY 1 ORDER BY 1",
        ),
        "store_orders": Made(
            "order_id text PRIMARY KEY, store_no text, member_no text, ordered_at timestamp, amount numeric(12,2)",
            "门店订单，每单一行",
            "SELECT order_id, store_no, user_id, trade_time, trade_amount FROM {ads_trade} "
            "WHERE is_refund = 0 AND store_no IS NOT NULL ORDER BY trade_time, order_id",
        ),
        "purchase_prices": Made(
            "item_id text PRIMARY KEY, price numeric(12,2)",
            "进货价，不共享",
            "SELECT item_id, price * 0.4 FROM {ads_item_tag} ORDER BY 1",
        ),
    },
}


def load(access: Access) -> bool:
    """Make the databases, connect them, share the group's tables and copy some of both. What is there already stays.

    False where no database can be made on this server, or the person manages no organization. Raises DomainError.
    """
    organization = access.workspace.organization
    shop = Connection.objects.in_workspace(access.workspace).filter(name=SHOP).first()
    group = Connection.objects.filter(organization=organization, name=GROUP).first()
    if shop is None or group is None:
        if not access.user.is_manager:
            return False
        given = _database(access, (shop or group or Connection()).password)
        if given is None:
            return False
        manager = PersonAccess(access.user)
        shop = shop or services.create(access, {**given, "name": SHOP, "schema": "shop"})
        group = group or services.create(
            manager, {**given, "name": GROUP, "schema": "warehouse"}, organization=organization
        )
        sharing.grant_tables(manager, group, SHARED, [access.workspace])
    told = {"mode": "incremental", "cursor": "id", "key": "id", "refresh": NIGHTLY}
    _bring_in(access, shop, "web_orders", **told)
    _bring_in(access, group, "stores", refresh=NIGHTLY)
    return True


def _bring_in(access: Access, source: Connection, table: str, **told: Any) -> None:
    def make() -> SourceTable:
        made, job = feeds.bring_in(access, source, {"table": table, **told})
        finish(job)
        return made

    one(SourceTable, access, make, name=table)


def _database(access: Access, password: str | None) -> dict[str, Any] | None:
    """The filled database, and how to enter it; None where it cannot be made here."""
    own = connection.settings_dict
    if not own["HOST"] or own["HOST"].startswith("/"):
        # A source is reached over TCP.
        return None
    words = {"host": own["HOST"], "port": own["PORT"], "user": own["USER"], "password": own["PASSWORD"]}
    words = {name: str(value) for name, value in words.items() if value}
    name, password = f"{own['NAME']}_retailer"[:63], password or secrets.token_urlsafe(16)
    try:
        outbound.check_host(str(own["HOST"]))
        with psycopg.connect(**words, dbname=own["NAME"], autocommit=True) as server:
            if not _may_make(server):
                return None
            port = _make(server, name, password)
        with psycopg.connect(**words, dbname=name) as opened:
            _fill(opened, access, name)
    except (ValidationFailed, psycopg.Error) as error:
        log.warning("The retailer's databases were not made: %s", error)
        return None
    return {
        "kind": "postgresql",
        "host": own["HOST"],
        "port": port,
        "database": name,
        "account": name,
        "password": password,
    }


def _may_make(server: psycopg.Connection[Any]) -> bool:
    row = server.execute(
        "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _make(server: psycopg.Connection[Any], name: str, password: str) -> int:
    """An empty database, and an account of the same name; returns the server's port."""
    known = server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    server.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(password))
    )
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        )
    row = server.execute("SELECT current_setting('port')").fetchone()
    assert row is not None
    return int(row[0])


def _fill(opened: psycopg.Connection[Any], access: Access, reader: str) -> None:
    """The tables anew, which the account may read. All of it or nothing."""
    known = {table.name: path_of(table) for table in SourceTable.objects.in_workspace(access.workspace)}
    account = sql.Identifier(reader)
    for schema, tables in TABLES.items():
        place = sql.Identifier(schema)
        opened.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(place))
        opened.execute(sql.SQL("CREATE SCHEMA {}").format(place))
        for name, table in tables.items():
            target = sql.Identifier(schema, name)
            opened.execute(sql.SQL("CREATE TABLE {} ({})").format(target, sql.SQL(table.columns)))  # type: ignore[arg-type]
            opened.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(target, sql.Literal(table.comment)))
            with lake.cursor() as handle:
                rows = handle.execute(f"{table.query.format(**known)} LIMIT {MOST_ROWS}").fetchall()
            with opened.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(target)) as copy:
                for row in rows:
                    copy.write_row(row)
            opened.execute(sql.SQL("ANALYZE {}").format(target))
        opened.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place, account))
        opened.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(place, account))
