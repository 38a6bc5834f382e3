"""Audiences with the people that an analysis showed, as they were when somebody kept them.

They are for parts of an analysis that no rule expresses. The IDs are a lake table of the audience's own
(`<audience>_kept`); as they never change, such an audience is not refreshed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import ibis
from django.db import transaction
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.warehouse import get_engine
from insight.audiences import origins, refreshing, services
from insight.audiences.identities import IdColumn
from insight.audiences.membership import USER, Members
from insight.audiences.models import Audience
from insight.datasets.models import Dataset, DatasetField

ANALYSIS = "analysis"
Write = Callable[[str], Any]
"""Writes people, one column `user_unique_id` with each of them once, as a table of the given name.

It stands in the data source of the dataset.
"""


def keep(
    access: Access, dataset: Dataset, write: Write | ibis.Table, words: str, data: Mapping[str, Any]
) -> Audience:
    """Make an audience of some people of a dataset and compute it in a job.

    `words` say in which analysis they were found; `data`: name, folder, public, remark, campaigns.
    """
    identifier = DatasetField.objects.get(dataset=dataset, role=DatasetField.Role.IDENTIFIER)
    detail = {"encryption": identifier.encryption, "dataset_name": dataset.name, "words": words}
    return _keep(access, write, data, user_id_type=identifier.id_type, detail=detail, source=dataset.source)


def _keep(
    access: Access,
    write: Write | ibis.Table,
    data: Mapping[str, Any],
    *,
    user_id_type: str,
    detail: dict[str, Any],
    source: str,
) -> Audience:
    with transaction.atomic():
        audience = services.create_outside(
            access, ANALYSIS, data, user_id_type=user_id_type, detail=detail, source=source
        )
        audience.origin_detail = {**detail, "table": f"{audience.pk}_kept"}
        audience.save(update_fields=["origin_detail"])
        if isinstance(write, ibis.Table):
            get_engine(audience.source).create_table_as(audience.workspace, _table(audience), write)
        else:
            write(_table(audience))
        refreshing.request(access, audience, snapshot=False)
    return audience


def _table(audience: Audience) -> str:
    return str(audience.origin_detail["table"])


def _members(audience: Audience, _today: date) -> Members:
    people = get_engine(audience.source).table(audience.workspace, _table(audience))
    id_type, encryption = audience.user_id_type, audience.origin_detail["encryption"]
    column = IdColumn(id_type, audience.pk, audience.name, USER, encryption, 1.0, True)
    return Members(
        people.select(USER, **{id_type: people[USER]}),
        id_type,
        {id_type: [column]},
        user_id_encryption=column.encryption,
    )


def _copy(access: Access, audience: Audience, data: dict[str, Any]) -> Audience:
    people = get_engine(audience.source).table(audience.workspace, _table(audience))
    detail = dict(audience.origin_detail)
    kind, source = audience.user_id_type, audience.source
    return _keep(access, people, data, user_id_type=kind, detail=detail, source=source)


def _words(_access: Access, audience: Audience) -> str:
    """The analysis with its dataset and what was asked there, as it was worded when the people were kept."""
    return str(audience.origin_detail.get("words", ""))


origins.register(
    origins.Origin(
        key=ANALYSIS,
        label=gettext_lazy("Kept from an analysis"),
        actions=origins.ACTIONS - {"edit", "refresh", "snapshot"},
        members=_members,
        copy=_copy,
        words=_words,
    )
)
