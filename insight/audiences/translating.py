"""Another ID for the users of a condition: `"map": {"to": "mobile"}`, through the workspace's identities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import ibis
from django.utils.translation import gettext as _
from pydantic import AfterValidator, WithJsonSchema

from cdp.core.identifiers import ID_TYPES
from insight.audiences.windows import Strict

USER = "user_unique_id"


def _known(value: str) -> str:
    if value not in ID_TYPES:
        raise ValueError(_("There is no such ID type."))
    return value


IdTypeKey = Annotated[str, AfterValidator(_known), WithJsonSchema({"enum": list(ID_TYPES)})]


class Translation(Strict):
    """Every user of the condition becomes all IDs of the type `to` that are theirs; who has none falls out."""

    to: IdTypeKey


class Condition(Strict):
    """What all conditions have in common."""

    map: Translation | None = None


@dataclass(frozen=True)
class Translator:
    """The map of identities (one_id, id_type, encryption, id_value), and by which ID a condition knows its users."""

    table: ibis.Table
    id_type: str
    encryption: str = "plain"

    def translated(self, people: ibis.Table, to: str) -> ibis.Table:
        """The distinct IDs of the type `to` that belong to people, in the form that theirs have."""
        own, other = self._of(self.id_type, "_own"), self._of(to, "_other")
        given = people.rename(_user=USER)
        persons = own.semi_join(given, own["_own"] == given["_user"])
        return other.semi_join(persons, "one_id").select(other["_other"].name(USER)).distinct()

    def unmatched(self, people: ibis.Table, to: str) -> ibis.Table:
        """The people who have no ID of the type `to`."""
        own, other = self._of(self.id_type, "_own"), self._of(to, "_other")
        matched = own.semi_join(other, "one_id")
        return people.anti_join(matched, people[USER] == matched["_own"])

    def _of(self, id_type: str, name: str) -> ibis.Table:
        table = self.table
        wanted = table.filter((table["id_type"] == id_type) & (table["encryption"] == self.encryption))
        return wanted.select("one_id", **{name: wanted["id_value"]})
