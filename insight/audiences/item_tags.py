"""Item tags in behaviour conditions: what is known of the items that people did something with.

A behaviour dataset names the object attribute whose values are item IDs and the item-tag dataset that describes them.
Conditions then ask for `item:<column>` as for any object: rows fit whose item has such a tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from django.utils.translation import gettext as _

from insight.audiences.catalog import ITEM_TAG
from insight.audiences.predicates import text_condition

ITEM = "item_id"


@dataclass(frozen=True)
class ItemTags:
    """`dataset` is its ID; `object` is the column (wide form) or attribute (key/value form) that holds item IDs.

    `labels` names the tags that can be asked for, by `item:<column>`.
    """

    dataset: str
    object: str
    table: ibis.Table
    labels: Mapping[str, str]

    def label(self, name: str) -> str:
        """What people call a tag of the item; its name where there is none."""
        return _("Item: %(tag)s") % {"tag": self.labels[name]} if name in self.labels else name

    def values(self, name: str) -> ir.Column:
        """The values of a tag over all items, of lists their parts."""
        column = self.table[name.removeprefix(ITEM_TAG)]
        return column.unnest() if column.type().is_array() else column

    def condition(
        self, item: ir.Value, name: str, operator: str, value: tuple[str, ...] | None
    ) -> ir.BooleanValue:
        """Whether the item of a row has a tag that fits; of several values, one that fits, or for "not" none.

        Items that are not in the dataset, and those without a value, fit only “empty”.
        """
        tags = self.table.select(ITEM, value=self.values(name))
        present = tags.filter(tags["value"].notnull() & (tags["value"] != ""))
        if operator == "empty":
            return item.notnull() & item.notin(present[ITEM])
        if operator == "not_empty":
            return item.isin(present[ITEM])
        positive = operator.removeprefix("not_")
        fitting = present.filter(text_condition(present["value"], positive, value))
        if positive == operator:
            return item.isin(fitting[ITEM])
        return item.isin(present[ITEM]) & item.notin(fitting[ITEM])
