"""What a table must be like to become an audience: one column of IDs, without repeats and gaps."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import quote
from insight.audiences.membership import USER
from insight.datasets.cleaning import text_of
from insight.datasources.models import SourceTable
from insight.datasources.queries import path_of

EXAMPLES = 20


def check_table(table: SourceTable, id_type: str, encryption: str, drop_bad: bool) -> None:
    """Raises ValidationFailed unless the table has the one column, text or number, without repeats and gaps."""
    names = [column["name"] for column in table.columns]
    if names != [USER]:
        message = _("The table must have exactly one column, named user_unique_id. It has: %(names)s.") % {
            "names": ", ".join(names[:20])
        }
        raise ValidationFailed(message, code="table_columns", errors={"table": [message]})
    if table.columns[0]["type"] not in ("text", "integer", "number"):
        message = _("The column user_unique_id must hold text or numbers.")
        raise ValidationFailed(message, code="table_columns", errors={"table": [message]})
    path = path_of(table)
    identity, mask = identity_of(id_type, encryption), ID_TYPES[id_type].mask
    with lake.cursor() as handle:
        row = handle.execute(
            f"SELECT count(*), count(id), count(DISTINCT id) FROM (SELECT {identity} AS id FROM {path})"
        ).fetchone()
        rows, filled, distinct = row or (0, 0, 0)
        twice = handle.execute(
            f"SELECT id FROM (SELECT {identity} AS id FROM {path}) WHERE id IS NOT NULL GROUP BY id "
            f"HAVING count(*) > 1 ORDER BY id LIMIT {EXAMPLES}"
        ).fetchall()
        bad = [
            mask(str(value))
            for (value,) in handle.execute(
                f"SELECT DISTINCT raw FROM (SELECT {text_of(quote(USER))} AS raw, {identity} AS id FROM {path}) "
                f"WHERE id IS NULL AND trim(raw) <> '' ORDER BY raw LIMIT {EXAMPLES}"
            ).fetchall()
        ]
    if not distinct:
        message = _("The table has no valid ID of this type.")
        raise ValidationFailed(message, code="no_valid_ids", errors={"table": [message]})
    if (rows == distinct) or drop_bad:
        return
    repeated = [mask(value) for (value,) in twice]
    message = _(
        "%(empty)d rows have no valid ID, %(twice)d repeat one. Mend the table, or leave such rows out."
    ) % {"empty": rows - filled, "twice": filled - distinct}
    raise ValidationFailed(
        message,
        code="table_not_unique",
        errors={"table": [message, *_examples(repeated, bad)]},
        invalid=rows - filled,
        duplicates=filled - distinct,
        examples=repeated,
        invalid_examples=bad,
    )


def _examples(repeated: list[str], bad: list[str]) -> list[str]:
    """Sentences with examples of what is wrong with a table."""
    found = []
    if repeated:
        found.append(_("Repeated, for example: %(values)s.") % {"values": ", ".join(repeated)})
    if bad:
        found.append(_("Not valid, for example: %(values)s.") % {"values": ", ".join(bad)})
    return found


def identity_of(id_type: str, encryption: str) -> str:
    """The column of a table as a normalised ID, in SQL."""
    return ID_TYPES[id_type].sql_normalise(text_of(quote(USER)), encryption=encryption)  # type: ignore[arg-type]
