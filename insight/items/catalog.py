"""Item-tag datasets as the rule compiler wants them: an item stands where a user would."""

from __future__ import annotations

from dataclasses import replace

import ibis
from django.utils.translation import gettext as _

from insight.audiences.catalog import Dataset, TagColumn, TagDataset, Unknown
from insight.audiences.sources import USER, WorkspaceCatalog
from insight.datasets.models import Dataset as DatasetRow

ITEM, NAME = "item_id", "item_name"


class ItemCatalog(WorkspaceCatalog):
    """Finds the item-tag datasets of one workspace; any others are not there.

    Beside the tags, conditions can ask for the item's ID and its name, as texts.
    """

    def dataset(self, dataset_id: str) -> Dataset:
        if dataset_id not in self._compiled:
            row, fields = self.row(dataset_id)
            if row.kind != DatasetRow.Kind.ITEM_TAGS:
                raise Unknown(_("An item pool needs an item-tag dataset."))
            found = self._tags(row, fields)
            # A refresh refuses items that are described twice.
            columns = {**own_columns(), **found.columns}
            self._compiled[dataset_id] = replace(found, columns=columns, unique_users=True)
        return self._compiled[dataset_id]

    def tags_of(self, dataset_id: str) -> TagDataset:
        """The dataset with its tags. Raises Unknown."""
        found = self.dataset(dataset_id)
        assert isinstance(found, TagDataset)
        return found

    def value_names(self, dataset_id: str, place: str, attribute: str = "") -> ibis.Table | None:
        """As for all datasets; an item's ID is called by the item's name."""
        if place != ITEM:
            return super().value_names(dataset_id, place, attribute)
        table = self.table_of(dataset_id)
        return table.filter(table[NAME].notnull()).select(value=table[ITEM], label=table[NAME])

    def _open(self, row: DatasetRow) -> ibis.Table:
        table = super()._open(row)
        return table.mutate(**{USER: table[ITEM]})


def own_columns() -> dict[str, TagColumn]:
    """What every item has."""
    return {ITEM: TagColumn(ITEM, _("Item ID"), "text"), NAME: TagColumn(NAME, _("Item name"), "text")}
