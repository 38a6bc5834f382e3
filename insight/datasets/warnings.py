"""What a person should know about a version, in words. Versions store codes and figures, so each reads its language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cdp.core.identifiers import ID_TYPES


def text(warning: dict[str, Any]) -> str:
    """One warning as a sentence."""
    count = warning.get("count", 0)
    values = {**warning, "names": ", ".join(warning.get("names", []))}
    if warning.get("id_type") in ID_TYPES:
        values["type"] = ID_TYPES[warning["id_type"]].label
    if warning["code"] == "lost_columns":
        return _("Columns that the source no longer has: %(names)s.") % values
    if warning["code"] == "tag_failed":
        return _("“%(name)s” could not be computed and keeps its values: %(reason)s") % values
    if warning["code"] == "attributes_differ":
        values["kind"] = warning.get("type") or _("unknown")
        return (
            _(
                "“%(kind)s” has other totals by one object attribute than by another (%(names)s): "
                "not every event stands under each."
            )
            % values
        )
    if warning["code"] == "names_missing":
        return (
            _("These tables no longer name values, because they or a column of theirs have gone: %(names)s.")
            % values
        )
    if warning["code"] == "without_id":
        message = ngettext(
            "%(count)d row was left out: it has no user identifier.",
            "%(count)d rows were left out: they have no user identifier.",
            count,
        )
    elif warning["code"] == "without_item":
        message = ngettext(
            "%(count)d row was left out: it has no item ID.",
            "%(count)d rows were left out: they have no item ID.",
            count,
        )
    elif warning["code"] == "without_time":
        message = ngettext(
            "%(count)d row was left out: it has no readable time.",
            "%(count)d rows were left out: they have no readable time.",
            count,
        )
    elif warning["code"] == "join_unmatched":
        message = ngettext(
            "%(count)d row found no match in the joined table %(table)s; its columns are empty there.",
            "%(count)d rows found no match in the joined table %(table)s; its columns are empty there.",
            count,
        )
    elif warning["code"] == "join_left_out":
        message = ngettext(
            "%(count)d row was left out: it found no match in the joined table %(table)s.",
            "%(count)d rows were left out: they found no match in the joined table %(table)s.",
            count,
        )
    elif warning["code"] == "excluded":
        message = ngettext(
            "%(count)d row was left out: no valid identifier, time or amount.",
            "%(count)d rows were left out: no valid identifier, time or amount.",
            count,
        )
    elif warning["code"] == "repeated_id":
        message = ngettext(
            "%(count)d row repeats a user identifier. A user matches when any of their rows does.",
            "%(count)d rows repeat a user identifier. A user matches when any of their rows does.",
            count,
        )
    elif warning["code"] == "invalid_user_id":
        message = ngettext(
            "%(count)d row was left out: its user identifier is not valid for the ID type %(type)s.",
            "%(count)d rows were left out: their user identifier is not valid for the ID type %(type)s.",
            count,
        )
    elif warning["code"] == "invalid_id":
        message = ngettext(
            "%(count)d value of “%(name)s” is not valid for the ID type %(type)s and counts as empty.",
            "%(count)d values of “%(name)s” are not valid for the ID type %(type)s and count as empty.",
            count,
        )
    elif warning["code"] == "prefixed_id":
        message = ngettext(
            "%(count)d of these values of “%(name)s” only has +86, 86 or 0086 in front. "
            "The dataset can take it off: edit it.",
            "%(count)d of these values of “%(name)s” only have +86, 86 or 0086 in front. "
            "The dataset can take it off: edit it.",
            count,
        )
    elif warning["code"] == "unreadable_date":
        message = ngettext(
            "%(count)d value of “%(name)s” could not be read as a date and counts as empty.",
            "%(count)d values of “%(name)s” could not be read as a date and count as empty.",
            count,
        )
    else:
        message = ngettext(
            "%(count)d value of “%(name)s” could not be read as a number and counts as empty.",
            "%(count)d values of “%(name)s” could not be read as a number and count as empty.",
            count,
        )
    return message % values


def spoken(warnings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Warnings as they are stored, each with its sentence as `text`."""
    return [{**warning, "text": text(warning)} for warning in warnings]
