"""Telling a server that has too much to do from one that will not answer later either."""

from __future__ import annotations

import psycopg
import pymysql
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed

CODE = "engine_busy"
_STATES = ("53", "57P03", "57014", "55P03", "40P01", "40001")
"""PostgreSQL: out of connections or memory, starting, out of time, locked."""
_NUMBERS = (1040, 1203, 1226, 1205, 1213, 1037, 1041, 1969, 3024)
"""MySQL and MariaDB: out of connections (of the server, of the account), locked, out of memory, out of time."""
_WORDS = (
    "too many connections",
    "too many clients",
    "remaining connection slots",
    "max_user_connections",
    "max_connections",
    "database system is starting up",
    "statement timeout",
    "lock timeout",
    "lock wait timeout",
    "deadlock",
    "maximum statement execution time",
    "execution was interrupted",
)


def is_busy(error: Exception) -> bool:
    """Whether trying again in some minutes can help."""
    if isinstance(error, pymysql.Error) and error.args and error.args[0] in _NUMBERS:
        return True
    if isinstance(error, psycopg.Error) and error.sqlstate:
        return error.sqlstate.startswith(_STATES)
    # While connecting, and through DuckDB's scanners, there are only the server's words.
    words = str(error).lower()
    return any(word in words for word in _WORDS)


def refusal() -> ValidationFailed:
    message = _("The database has too much to do at the moment.")
    return ValidationFailed(message, code=CODE, errors={"host": [message]})
