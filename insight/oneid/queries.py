"""Reading identities: one person by any ID, the map for translating, lists for review."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import NotFound
from cdp.core.identifiers import ID_TYPES
from cdp.warehouse import get_engine
from insight.oneid.models import IdentityGraph

MOST_LINKS = 500
REVIEW_PAGE = 50


@dataclass(frozen=True)
class PersonId:
    """One ID of a person. `confidence`, 0 to 1, is that of its surest link; `key` names it within the version."""

    key: int
    id_type: str
    encryption: str
    value: str
    confidence: float
    first_seen: datetime
    last_seen: datetime

    @property
    def label(self) -> Any:
        return ID_TYPES[self.id_type].label

    @property
    def masked(self) -> str:
        return ID_TYPES[self.id_type].mask(self.value)

    def as_id(self) -> tuple[str, str, str]:
        return self.id_type, self.encryption, self.value


@dataclass(frozen=True)
class Link:
    """Why two IDs are one person's: on how many days they were seen together, and how much that says."""

    first: PersonId
    second: PersonId
    days: int
    last_seen: datetime
    strength: float


@dataclass(frozen=True)
class Person:
    """Somebody with all of their IDs. `former` are OneIDs that were merged into this one."""

    one_id: str
    ids: list[PersonId]
    links: list[Link] = field(default_factory=list)
    former: list[str] = field(default_factory=list)

    def values(self, id_type: str, encryption: str = "plain") -> list[str]:
        """The person's values of an ID type; of OneIDs that are not your own, the one given here."""
        found = [item.value for item in self.ids if (item.id_type, item.encryption) == (id_type, encryption)]
        if id_type == "one_id" and encryption == "plain" and not found:
            return [self.one_id]
        return found


def current_graph(workspace: Any) -> IdentityGraph | None:
    """The workspace's identities, where a run has succeeded."""
    rows = IdentityGraph.objects.in_workspace(workspace).select_related("workspace")
    return rows.filter(version__gt=0).first()


def map_table(graph: IdentityGraph) -> ibis.Table:
    """(one_id, id_type, encryption, id_value, …) of the current version; an ID is in it once."""
    return get_engine().table(graph.workspace, graph.table("map"))


def find(graph: IdentityGraph, id_type: str, value: str) -> str | None:
    """The OneID of whoever has this ID, plain or as a hash; by a OneID given here, also a former one."""
    kind = ID_TYPES[id_type]
    forms = {form: kind.normalise(value, encryption=form) for form in ("plain", "md5", "sha256")}
    wanted = [(form, found) for form, found in forms.items() if found]
    if not wanted:
        return None
    condition = " OR ".join("(encryption = ? AND id_value = ?)" for _pair in wanted)
    path = lake.table_path(graph.workspace, graph.table("map"))
    with lake.cursor() as handle:
        row = handle.execute(
            f"SELECT one_id FROM {path} WHERE id_type = ? AND ({condition}) ORDER BY encryption <> 'plain' LIMIT 1",
            [id_type, *(part for pair in wanted for part in pair)],
        ).fetchone()
    if row:
        return str(row[0])
    return _known(graph, forms["plain"]) if id_type == "one_id" and forms["plain"] else None


def _known(graph: IdentityGraph, one_id: str) -> str | None:
    """A OneID given here as it is called now; None where there is no such person."""
    people, aliases = (lake.table_path(graph.workspace, graph.table(part)) for part in ("people", "aliases"))
    with lake.cursor() as handle:
        row = handle.execute(
            f"""SELECT one_id FROM {people} WHERE one_id = ?
                UNION ALL SELECT one_id FROM {aliases} WHERE former = ?""",
            [one_id, one_id],
        ).fetchone()
    return str(row[0]) if row else None


def person(graph: IdentityGraph, one_id: str) -> Person:
    """Raises NotFound. A OneID that was merged leads to the one it was merged into."""
    current = _known(graph, one_id)
    if current is None:
        raise NotFound(_("There is no such person here."))
    path = {part: lake.table_path(graph.workspace, graph.table(part)) for part in ("map", "links", "aliases")}
    with lake.cursor() as handle:
        rows = handle.execute(
            f"""SELECT key, id_type, encryption, id_value, confidence, first_seen, last_seen FROM {path["map"]}
                WHERE one_id = ? AND key <> 0 ORDER BY confidence DESC, id_type, id_value""",
            [current],
        ).fetchall()
        ids = [PersonId(*row) for row in rows]
        by_key = {item.key: item for item in ids}
        links = handle.execute(
            f"""SELECT v, w, days, last_seen, strength FROM {path["links"]}
                WHERE v IN (SELECT unnest(?::UBIGINT[])) ORDER BY strength DESC, v, w LIMIT {MOST_LINKS}""",
            [list(by_key)],
        ).fetchall()
        former = handle.execute(
            f"SELECT former FROM {path['aliases']} WHERE one_id = ? ORDER BY 1", [current]
        ).fetchall()
    joined = [Link(by_key[row[0]], by_key[row[1]], *row[2:]) for row in links if row[1] in by_key]
    return Person(current, ids, joined, [row[0] for row in former])


def review(graph: IdentityGraph, kind: str = "", page: int = 1) -> tuple[list[dict[str, Any]], int]:
    """What somebody should look at, the largest first, and how many there are; IDs in full."""
    condition, values = ("WHERE kind = ?", [kind]) if kind else ("", [])
    return _page(graph, "review", condition, values, "size DESC, kind, id_type, id_value, one_ids", page)


def history(graph: IdentityGraph, one_id: str = "", page: int = 1) -> tuple[list[dict[str, Any]], int]:
    """Merges and splits, the latest first: of everybody, or those that a OneID took part in."""
    condition, values = ("WHERE from_id = ? OR to_id = ?", [one_id, one_id]) if one_id else ("", [])
    return _page(graph, "changes", condition, values, "run DESC, kind, from_id, to_id", page)


def _page(
    graph: IdentityGraph, part: str, condition: str, values: list[Any], order: str, page: int
) -> tuple[list[dict[str, Any]], int]:
    path = lake.table_path(graph.workspace, graph.table(part))
    skip = (max(1, page) - 1) * REVIEW_PAGE
    with lake.cursor() as handle:
        counted = handle.execute(f"SELECT count(*) FROM {path} {condition}", values).fetchone()
        rows = handle.execute(
            f"SELECT * FROM {path} {condition} ORDER BY {order} LIMIT {REVIEW_PAGE} OFFSET {skip}", values
        )
        names = [column[0] for column in rows.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return found, int(counted[0]) if counted else 0
