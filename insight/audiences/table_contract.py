"""What a table must be like to become an audience: one column of IDs, without repeats and gaps."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.lake.names import quote
from cdp.warehouse import get_engine
from insight.audiences.membership import USER
from insight.datasets.joining import Source

EXAMPLES = 20


def check_table(table: Source, id_type: str, encryption: str, drop_bad: bool) -> None:
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
    ids, mask, engine = _ids(table, id_type, encryption), ID_TYPES[id_type].mask, get_engine(table.engine)
    [(rows, filled, distinct)] = engine.rows(f"SELECT count(*), count(id), count(DISTINCT id) FROM {ids}")
    if not distinct:
        message = _("The table has no valid ID of this type.")
        raise ValidationFailed(message, code="no_valid_ids", errors={"table": [message]})
    if (rows == distinct) or drop_bad:
        return
    repeated = [
        mask(value)
        for (value,) in engine.rows(
            f"SELECT id FROM {ids} WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT {EXAMPLES}"
        )
    ]
    bad = [
        mask(value)
        for (value,) in engine.rows(
            f"SELECT DISTINCT raw FROM {ids} WHERE id IS NULL AND trim(raw) <> '' ORDER BY raw LIMIT {EXAMPLES}"
        )
    ]
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


def distinct_ids(table: Source, id_type: str, encryption: str) -> str:
    """The valid IDs of a table, each once, in the SQL of where it lies."""
    return f"SELECT DISTINCT id AS {quote(USER)} FROM {_ids(table, id_type, encryption)} WHERE id IS NOT NULL"


def _ids(table: Source, id_type: str, encryption: str) -> str:
    """The table's column as text (`raw`) and as a normalised ID (`id`), to stand after FROM."""
    kind = table.columns[0]["type"]
    raw, identity = table.clean.text(USER, kind), table.clean.identifier(USER, kind, id_type, encryption)
    return f"(SELECT {raw} AS raw, {identity} AS id FROM {table.relation}) ids"
