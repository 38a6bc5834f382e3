"""What grants of tables, rows and columns give, against a slow and obvious reference; and their conditions in SQL."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from cdp.core.errors import DomainError
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection
from insight.datasources.organization import conditions, picking, sharing
from insight.datasources.organization.grants import EVERYTHING, Allowed, Given, evaluate
from tests.insight.datasources.servers import Server

ROWS = [
    {"id": str(n), "brand": b, "city": c} for n, (b, c) in enumerate(product(("A", "B", None), ("x", None)))
]
CHOICES: tuple[Any, ...] = ("absent", frozenset({"A"}), frozenset({"A", "B", "x"}), None)


def reference(given: Given) -> list[dict[str, Any]]:
    """The rows with their columns that a workspace sees, by the words of the rules."""
    controlled = bool(given.fields) or given.by_columns
    if not controlled and not given.table:
        return []
    seen = []
    for row in ROWS:
        fits = True
        for field in given.fields:
            granted = given.values.get(field, frozenset())
            if granted is None:
                continue
            if row[field] is None or row[field] not in granted:
                fits = False
        if not fits:
            continue
        part = {name: value for name, value in row.items() if not given.by_columns or name in given.columns}
        if part:
            seen.append(part)
    return seen


def applied(found: Allowed | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    fitting = [row for row in ROWS if all(row[field] in values for field, values in found.rows)]
    return [{name: value for name, value in row.items() if found.has(name)} for row in fitting]


def test_every_combination_of_grants_gives_what_the_rules_say() -> None:
    seen = set()
    fields_of = ((), ("brand",), ("city",), ("brand", "city"))
    columns_of = (frozenset[str](), frozenset({"id"}), frozenset({"id", "brand"}))
    for table, fields, brand, city, by_columns, columns in product(
        (False, True), fields_of, CHOICES, CHOICES, (False, True), columns_of
    ):
        values = {name: value for name, value in (("brand", brand), ("city", city)) if value != "absent"}
        given = Given(table, None, fields, values, by_columns, columns)
        assert applied(evaluate(given)) == reference(given), given
        seen.add(len(reference(given)))
    assert len(seen) > 4


def test_the_fingerprint_tells_rights_apart_and_is_empty_for_everything() -> None:
    rights = [
        Allowed(frozenset({"a"})),
        Allowed(frozenset({"a", "b"})),
        Allowed(None, (("f", frozenset({"a"})),)),
        Allowed(None, (("f", frozenset({"a", "b"})),)),
        Allowed(None, (("g", frozenset({"a"})),)),
    ]
    assert len({right.fingerprint for right in rights}) == len(rights)
    assert EVERYTHING.fingerprint == "" and "" not in {right.fingerprint for right in rights}
    turned = Allowed(None, (("g", frozenset({"x"})), ("f", frozenset({"y"}))))
    assert turned.fingerprint == Allowed(None, tuple(reversed(turned.rows))).fingerprint


TEXTS = ["a", "A", "a ", "it's", "back\\slash", "\\' OR 1=1 -- ", "100%", "中文", "é", "e", "", '"x"', None]


def stored(server: Server) -> Connection:
    given = {name: value for name, value in server.settings().items() if name != "name"}
    schema = "public" if server.kind == "postgresql" else ""
    return Connection(name="Odd", schema=schema, tls="prefer", **given)


def rows_with(source: Connection, allowed: Allowed) -> list[int]:
    columns = sharing.columns_of(source, "odd")
    with session(source) as opened:
        where = conditions.rows_where(source, allowed, columns)
        return [row[0] for row in opened.rows(f"SELECT id FROM odd WHERE {where} ORDER BY id")]


def only(field: str, *values: str) -> Allowed:
    return Allowed(None, ((field, frozenset(values)),))


@pytest.fixture
def odd(server: Server) -> Connection:
    """A table of values that are easily taken for one another."""
    text = "text" if server.kind == "postgresql" else "varchar(40) CHARACTER SET utf8mb4"
    flag = "boolean" if server.kind == "postgresql" else "tinyint"
    server.run(
        f"CREATE TABLE odd (id integer, word {text}, price decimal(8,2), ratio double precision, flag {flag})"
    )
    with server._connect() as opened, opened.cursor() as cursor:
        for number, word in enumerate(TEXTS):
            price = None if word is None else number / 2
            cursor.execute(
                "INSERT INTO odd VALUES (%s, %s, %s, %s, %s)", (number, word, price, price, number == 1)
            )
    return stored(server)


def test_texts_are_compared_exactly(odd: Connection) -> None:
    for number, word in enumerate(TEXTS):
        if word is not None:
            assert rows_with(odd, only("word", word)) == [number], word
    assert rows_with(odd, only("word", "a", "中文", "nowhere")) == [0, TEXTS.index("中文")]


def test_numbers_are_compared_as_numbers(odd: Connection) -> None:
    assert rows_with(odd, only("price", "1.5")) == [3]
    assert rows_with(odd, only("ratio", "0.5", "2")) == [1, 4]
    assert rows_with(odd, only("id", "7")) == [7]
    assert rows_with(odd, only("price", "dear")) == []
    flags = ("true",) if odd.kind == "postgresql" else ("1",)
    assert rows_with(odd, only("flag", *flags)) == [1]


def test_fields_are_joined_by_and_and_empty_values_fit_none(odd: Connection) -> None:
    both = Allowed(None, (("word", frozenset(("a", "A"))), ("price", frozenset(("0.5", "1")))))
    assert rows_with(odd, both) == [1]
    every_word = frozenset(word for word in TEXTS if word is not None)
    assert rows_with(odd, Allowed(None, (("word", every_word),))) == list(range(len(TEXTS) - 1))


def test_a_lost_field_gives_no_rows(odd: Connection) -> None:
    with pytest.raises(DomainError) as refused:
        rows_with(odd, only("colour", "red"))
    assert refused.value.code == "no_grant"


def test_values_to_choose_from_are_all_different_ones_in_the_form_they_are_kept(odd: Connection) -> None:
    found = picking.values(odd, "odd", "word")
    assert sorted(found["values"]) == sorted(word for word in TEXTS if word is not None)
    assert found["more"] is False
    assert picking.values(odd, "odd", "price")["values"][:4] == ["0", "0.5", "1", "1.5"]
    assert picking.values(odd, "odd", "word", "SLASH")["values"] == ["back\\slash"]
    assert picking.values(odd, "odd", "word", "0%")["values"] == ["100%"]
    for word in found["values"]:
        assert rows_with(odd, only("word", word)) == [TEXTS.index(word)]


def test_more_than_a_thousand_values_are_said_to_be_more(server: Server) -> None:
    server.run("CREATE TABLE odd (id integer)")
    values = ", ".join(f"({number})" for number in range(1001))
    server.run(f"INSERT INTO odd VALUES {values}")
    found = picking.values(stored(server), "odd", "id")
    assert (len(found["values"]), found["more"]) == (1000, True)


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("integer", " 007 ", "7"),
        ("integer", "1e3", "1000"),
        ("integer", "1.5", None),
        ("number", "1.50", "1.5"),
        ("number", "-0.0", "0"),
        ("number", "NaN", None),
        ("number", "1e999999", None),
        ("boolean", "TRUE", "true"),
        ("boolean", "perhaps", None),
        ("text", " kept as typed ", " kept as typed "),
        ("text", "x" * 501, None),
        ("text", "a\0b", None),
    ],
)
def test_typed_values_are_kept_in_one_form_or_refused(kind: str, typed: str, kept: str | None) -> None:
    column = RemoteColumn("c", kind, kind, True)
    if kept is None:
        with pytest.raises(DomainError):
            conditions.normal(column, typed)
    else:
        assert conditions.normal(column, typed) == kept
