"""Worlds of the reference as tables of a DuckDB, with the catalog that the compiler needs."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from insight.audiences.catalog import (
    AiplModel,
    AudienceTable,
    BehaviourDataset,
    Dataset,
    RfmModel,
    TagColumn,
    TagDataset,
    Unknown,
)
from insight.audiences.compiler import compile_counts, compile_rule, compile_unmatched
from insight.audiences.rules import parse_rule
from insight.audiences.translating import Translator
from tests.insight.audiences.reference import World

_ARROW = {
    "enum": pa.string(),
    "text": pa.string(),
    "multi": pa.list_(pa.string()),
    "number": pa.float64(),
    "date": pa.timestamp("us"),
    "day": pa.date32(),
}
_MODELS = {
    "rfm": {
        "user_unique_id": pa.string(),
        "r_days": pa.int64(),
        **dict.fromkeys(("f", "m", "rs", "fs", "ms"), pa.float64()),
        "type": pa.string(),
    },
    "aipl": {"day": pa.date32(), "user_unique_id": pa.string(), "stage": pa.string()},
}
_BEHAVIOUR = {
    "user_unique_id": pa.string(),
    "at": pa.timestamp("us"),
    "type": pa.string(),
    "channel": pa.string(),
    "count": pa.float64(),
    "amount": pa.float64(),
}


class Engine:
    """A fresh DuckDB that holds a world. Usable as a Catalog."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.connection = duckdb.connect()
        self.tables = {name: self._load(name, dataset) for name, dataset in world.datasets.items()}
        for name, members in world.audiences.items():
            self._store(name, pa.table({"user_unique_id": pa.array(sorted(set(members)), pa.string())}))

    def _store(self, name: str, rows: pa.Table) -> ibis.Table:
        self.connection.register("incoming", rows)
        self.connection.execute(f'CREATE TABLE "{name}" AS FROM incoming')
        self.connection.unregister("incoming")
        return ibis.table(ibis.Schema.from_pyarrow(rows.schema), name=name)

    def _load(self, name: str, dataset: Any) -> ibis.Table:
        if dataset["kind"] == "tags":
            types = {"user_unique_id": pa.string()} | {
                tag: _ARROW["day" if tag in dataset.get("days", ()) else kind]
                for tag, kind in dataset["types"].items()
            }
        elif dataset["kind"] in _MODELS:
            types = _MODELS[dataset["kind"]]
        else:
            extra = ["object_key", "object_value"] if dataset["form"] == "key_value" else dataset["objects"]
            types = _BEHAVIOUR | {column: pa.string() for column in extra}
        columns = {
            column: pa.array([row[column] for row in dataset["rows"]], kind) for column, kind in types.items()
        }
        return self._store(name, pa.table(columns))

    def dataset(self, dataset_id: str) -> Dataset:
        dataset = self.world.datasets.get(dataset_id)
        if dataset is None:
            raise Unknown
        table = self.tables[dataset_id]
        if dataset["kind"] == "tags":
            users = [row["user_unique_id"] for row in dataset["rows"]]
            columns = {
                tag: TagColumn(tag, tag.title(), kind, tag not in dataset.get("days", ()))  # type: ignore[arg-type]
                for tag, kind in dataset["types"].items()
            }
            return TagDataset(
                dataset_id,
                dataset_id,
                table,
                columns,
                len(users) == len(set(users)),
                dataset.get("lost", frozenset()),
            )
        if dataset["kind"] == "rfm":
            return RfmModel(dataset_id, dataset_id, table)
        if dataset["kind"] == "aipl":
            latest = table.filter(table["day"] == max(dataset["computed"])).select("user_unique_id", "stage")
            return AiplModel(dataset_id, dataset_id, latest, table, lambda: dataset["computed"])
        form = dataset["form"]
        objects = {} if form == "key_value" else {name: name for name in dataset["objects"]}
        return BehaviourDataset(
            dataset_id,
            dataset_id,
            form,
            table,
            objects,
            has_channel=dataset.get("has_channel", True),
            has_count=dataset.get("has_count", True),
            has_amount=dataset.get("has_amount", True),
            base_attribute=dataset.get("base_attribute"),
        )

    def audience(self, audience_id: str, snapshot: str | int | None) -> AudienceTable:
        if audience_id not in self.world.audiences:
            raise Unknown
        table = ibis.table({"user_unique_id": "string"}, name=audience_id)
        return AudienceTable(audience_id, audience_id, table)

    def translator(self, leaf: Any) -> Translator:
        rows = [
            {"one_id": str(number), "id_type": kind, "encryption": "plain", "id_value": value}
            for number, person in enumerate(self.world.identities)
            for kind, values in person.items()
            for value in values
        ]
        names = ("one_id", "id_type", "encryption", "id_value")
        table = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})
        self.connection.execute("DROP TABLE IF EXISTS identities")
        return Translator(self._store("identities", table), "mobile")

    def people(self, rule: Any) -> list[str]:
        """Identifiers of a rule in order; a list, so that a duplicate shows."""
        expression = compile_rule(parse_rule(rule), self, today=self.world.today)
        return sorted(row[0] for row in self.run(expression))

    def counts(self, rule: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for query in compile_counts(parse_rule(rule), self, today=self.world.today):
            [row] = self.run(query.expression)
            found.update(zip(query.paths, row, strict=True))
        return found

    def unmatched(self, rule: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for query in compile_unmatched(parse_rule(rule), self, today=self.world.today):
            found[query.paths[0]] = self.run(query.expression)[0][0]
        return found

    def run(self, expression: ibis.Table) -> list[tuple[Any, ...]]:
        return self.connection.execute(str(ibis.to_sql(expression, dialect="duckdb"))).fetchall()


TODAY = date(2021, 12, 16)
