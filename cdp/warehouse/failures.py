"""What can go wrong in an engine, worded once: every engine turns its driver's errors into these."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core.errors import Cancelled, EngineError, NotFound


def interrupted() -> Cancelled:
    return Cancelled(_("The query was cancelled."))


def table_missing(reason: object) -> NotFound:
    return NotFound(
        _("A table that this needs is no longer there."), code="table_missing", reason=str(reason)
    )


def column_missing(reason: object) -> EngineError:
    return EngineError(
        _("A column that this needs is missing or has another type."),
        code="column_missing",
        reason=str(reason),
    )


def rights_missing(reason: object) -> EngineError:
    return EngineError(
        _("The account of the data source may not do what this needs: %(reason)s")
        % {"reason": _line(reason)},
        code="rights_missing",
        reason=str(reason),
    )


def out_of_memory(reason: object) -> EngineError:
    return EngineError(
        _("The query needs more memory than the engine may use."), code="engine_memory", reason=str(reason)
    )


def busy(reason: object) -> EngineError:
    """Trying again can help."""
    return EngineError(
        _("The data engine is busy. Try again in a moment."),
        code="engine_busy",
        retryable=True,
        reason=str(reason),
    )


def _line(reason: object) -> str:
    """The first line of what a server says."""
    return str(reason).strip().partition("\n")[0]


def failed(reason: object) -> EngineError:
    return EngineError(_("The data engine could not run the query."), reason=str(reason))
