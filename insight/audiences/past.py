"""The members that an audience had at a time gone by: those of the version that was current then."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.timezones import zone
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.snapshots import kept_version


def wanted(audience: Audience, given: Any) -> AudienceVersion:
    """The version that `given` asks for: by `version`, a number, or `as_of`, a day or a time; else the current one.

    A day stands for its end, a time without a zone is one of the workspace's clock. Raises ValidationFailed, NotFound,
    Conflict: audience_empty, not_computed_then, version_dropped.
    """
    if audience.current is None:
        raise Conflict(
            _("The audience has not been computed yet. Refresh it, then read its members."),
            code="audience_empty",
        )
    number, as_of = given.get("version", ""), given.get("as_of", "")
    if number and as_of:
        message = _("Ask for a version or for a time, not for both.")
        raise ValidationFailed(message, errors={"as_of": [message]})
    if number:
        return kept_version(audience, number)
    return at(audience, moment(audience, as_of)) if as_of else audience.current


def at(audience: Audience, when: datetime) -> AudienceVersion:
    """The version that was current at `when` (aware). Raises Conflict: not_computed_then, version_dropped."""
    found = audience.versions.filter(created_at__lte=when).order_by("-number").first()
    if found is None:
        first = audience.versions.order_by("number").values_list("created_at", flat=True).first()
        raise Conflict(
            _("The audience was first computed on %(day)s.")
            % {"day": first.astimezone(zone(audience.workspace)).date() if first else "–"},
            code="not_computed_then",
        )
    return kept_version(audience, found.number)


def moment(audience: Audience, text: str) -> datetime:
    """A day's end or a time as an aware moment. Raises ValidationFailed at `as_of`, also for what is still to come."""
    clock = zone(audience.workspace)
    try:
        day = parse_date(text)
        found = _end_of(day, clock) if day else parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise _wrong(_("Give a day such as 2026-01-31, or a time such as 2026-01-31T18:00."))
    found = found if found.tzinfo else found.replace(tzinfo=clock)
    now = timezone.now()
    if day and day == now.astimezone(clock).date():
        return now
    if found > now:
        raise _wrong(_("This time is still to come."))
    return found


def _end_of(day: date, clock: Any) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=clock) - timedelta(microseconds=1)


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={"as_of": [message]})
