"""Reads of audiences for other modules: send-outs, journeys, dashboards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ibis
import pyarrow as pa
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, Gone, NotFound, ValidationFailed
from cdp.core.identifiers import HASHED_FORMS, ID_TYPES
from cdp.warehouse import get_engine
from insight.audiences import origins, refreshing, tag_values, visibility
from insight.audiences.catalog import Unknown
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.tag_values import TagRef
from insight.datasets import rights
from insight.datasets.models import Dataset

USER = "user_unique_id"


def latest_version(audience: Audience) -> AudienceVersion | None:
    """The latest good version; None while there is none. A refresh under way or failed does not change it."""
    return AudienceVersion.objects.filter(pk=audience.current_id).first() if audience.current_id else None


def check_source(audience: Audience, source: str, field: str = "audience") -> None:
    """Raises ValidationFailed at the field where the audience lives in another data source than what it is put to."""
    if audience.source != source:
        raise ValidationFailed(
            _("The audience and the dataset live in different data sources."),
            errors={field: [_("Choose an audience that lives where the dataset does.")]},
        )


def refresh_now(audience: Audience, job: Any) -> AudienceVersion:
    """Compute the audience inside the caller's job and answer the new version. Raises DomainError with the reason."""
    version = refreshing.compute(audience, job, AudienceVersion.Kind.PERIODIC)
    if version is None:
        raise Conflict(_("The audience was edited while it was computed. Try again."), retryable=True)
    return version


def id_types(audience: Audience) -> list[dict[str, Any]]:
    """The IDs that the audience holds or will hold: [{"id_type", "label", "encryption", "fill_rate", "column"}]."""
    version = latest_version(audience)
    stats = version.id_stats if version else {}
    held = dict.fromkeys([audience.user_id_type, *audience.save_ids])
    return [
        {
            "id_type": key,
            "label": str(ID_TYPES[key].label),
            "encryption": version.encryption_of(key) if version else "plain",
            "fill_rate": stats.get(key, {}).get("fill_rate", 1.0 if key == audience.user_id_type else None),
            "column": USER if key == audience.user_id_type else key,
        }
        for key in held
        if key in ID_TYPES
    ]


def target_column(version: AudienceVersion, id_type: str, form: str = "plain") -> str | None:
    """The column of a version that holds IDs of a type in a form: plain, md5, sha256; None where it holds none.

    Whether plain ones are taken as AES-encrypted is for the caller to say.
    """
    if id_type != version.user_id_type and id_type not in version.save_ids:
        return None
    held = version.encryption_of(id_type)
    if (held if held in HASHED_FORMS else "plain") != form:
        return None
    return USER if id_type == version.user_id_type else id_type


def usable_audiences(access: Access, id_type: str = "", *, action: str = "use") -> QuerySet[Audience]:
    """Audiences that the person may use, that have been computed and whose origin offers the action.

    With this ID type where one is given.
    """
    rows = visibility.visible(access).filter(current__isnull=False, origin__in=origins.offering(action))
    if not id_type:
        return rows
    return rows.filter(user_id_type=id_type) | rows.filter(save_ids__contains=[id_type])


def can_read_tag(audience: Audience, dataset: str, tag: str, *, owner: Any) -> bool:
    """Whether `owner` may use a dataset that has this tag and lives where the audience does."""
    if (
        not Dataset.objects.in_workspace(audience.workspace)
        .filter(pk=dataset, source=audience.source)
        .exists()
    ):
        return False
    return tag_values.has_tag(rights.access_of(owner, audience.workspace), dataset, tag)


def member_batches(
    version: AudienceVersion,
    columns: Sequence[str] = (),
    size: int = 10_000,
    *,
    tags: Sequence[TagRef] = (),
    owner: Any = None,
) -> Iterator[pa.RecordBatch]:
    """The members in batches of about `size`, never all in memory.

    Columns: `user_unique_id`, then `columns` in order (without `user_unique_id`), then one per tag, named `tag_0`,
    `tag_1` …, read from the current version of the tag's dataset with the rights of `owner` (None: the audience's);
    people whom the dataset does not know, or `owner` does not see, have null.
    """
    engine = get_engine(version.audience.source)
    yield from engine.batches(_expression(version, columns, tags, owner), size)


def member_values(
    version: AudienceVersion, tags: Sequence[TagRef], number: int = 0, *, owner: Any = None
) -> dict[TagRef, Any]:
    """Tag values of the member at place `number`, in order of identifier; empty beyond the last member.

    They are read with the rights of `owner` (None: the audience's).
    """
    one = members(version).order_by(USER).limit(1, offset=number)
    engine = get_engine(version.audience.source)
    found = engine.execute(joined_to_tags(version, one.select(USER), tags, owner)).to_pylist()
    return {tag: found[0][f"tag_{place}"] for place, tag in enumerate(tags)} if found else {}


def members(version: AudienceVersion) -> ibis.Table:
    """The members as an expression. Raises Gone where the version's table has been dropped after its time."""
    if version.dropped_at is not None:
        raise Gone(
            _("The members of this version are no longer kept; only its figures are. Snapshots are kept.")
        )
    return get_engine(version.audience.source).table(version.workspace_id, version.table_name)


def _expression(
    version: AudienceVersion, columns: Sequence[str], tags: Sequence[TagRef], owner: Any
) -> ibis.Table:
    chosen = [USER, *(column for column in columns if column != USER)]
    return joined_to_tags(version, members(version).select(*chosen), tags, owner)


def joined_to_tags(
    version: AudienceVersion, people: ibis.Table, tags: Sequence[TagRef], owner: Any
) -> ibis.Table:
    """The people's columns, then one per tag: `tag_0`, `tag_1` …, with the rights of `owner` (None: the audience's).

    Raises NotFound where a tag's dataset is not there.
    """
    access = rights.access_of(owner or version.audience.owner, version.workspace)
    catalog = WorkspaceCatalog(version.workspace, version.audience.source, access=access)
    try:
        return tag_values.with_tags(people, tags, catalog)
    except Unknown as error:
        raise NotFound(str(error)) from None
