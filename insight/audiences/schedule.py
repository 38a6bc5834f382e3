"""Periodic refresh: the policy, and when it is next due.

A policy is `{"every": "day", "at": "03:00"}` or `{"every": "hour", "hours": 4, "minute": 15}`, with `start`, `end`
(dates, both inclusive, both optional), `snapshot` (keep each version that is replaced) and `datasets_first` (refresh
what the audience reads before it, as far as its owner manages that). `{}` means none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cdp.core.errors import ValidationFailed

FARTHEST_DAYS = 3660


class Policy(BaseModel):
    """When an audience is refreshed by itself. Times are those of the workspace's clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: Literal["day", "hour"]
    at: time = time(3, 0)
    hours: int = Field(1, ge=1, le=23)
    minute: int = Field(0, ge=0, le=59)
    start: date | None = None
    end: date | None = None
    snapshot: bool = False
    datasets_first: bool = False

    @model_validator(mode="after")
    def _ends_after_start(self) -> Policy:
        if self.start and self.end and self.end < self.start:
            raise ValueError("end")
        return self

    def stored(self) -> dict[str, Any]:
        """The policy as JSON, with only the fields that its cycle uses."""
        unused = {"hours", "minute"} if self.every == "day" else {"at"}
        if not self.datasets_first:
            unused.add("datasets_first")
        data = self.model_dump(mode="json", exclude=unused, exclude_none=True)
        if "at" in data:
            data["at"] = self.at.strftime("%H:%M")
        return data

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first due moment strictly after `moment` (aware); None where the policy has ended."""
        local = moment.astimezone(zone)
        day = max(local.date(), self.start or local.date())
        for _number in range(FARTHEST_DAYS):
            if self.end and day > self.end:
                return None
            for due in self._moments(day, zone):
                if due > moment:
                    return due
            day += timedelta(days=1)
        return None

    def _moments(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        if self.every == "day":
            yield datetime.combine(day, self.at, tzinfo=zone)
            return
        for hour in range(0, 24, self.hours):
            yield datetime.combine(day, time(hour, self.minute), tzinfo=zone)


def parse_policy(data: Any) -> Policy | None:
    """The policy that `data` describes, None for none. Raises ValidationFailed with paths below `refresh`."""
    if not data:
        return None
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if value not in (None, "")}
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        errors: dict[str, list[str]] = {}
        for problem in error.errors():
            path = "/".join(["refresh", *(str(part) for part in problem["loc"])])
            errors.setdefault(path, []).append(_message(problem["type"], problem["loc"]))
        raise ValidationFailed(_("The periodic refresh is not complete."), errors=errors) from None


def describe(data: dict[str, Any]) -> str:
    """The policy in words; empty where there is none."""
    policy = parse_policy(data)
    if policy is None:
        return ""
    if policy.every == "day":
        text = _("Every day at %(time)s") % {"time": policy.at.strftime("%H:%M")}
    elif policy.hours == 1:
        text = _("Every hour, %(minute)d minutes past") % {"minute": policy.minute}
    else:
        text = _("Every %(hours)d hours from midnight, %(minute)d minutes past") % {
            "hours": policy.hours,
            "minute": policy.minute,
        }
    if policy.start:
        text += _(", from %(day)s") % {"day": policy.start.isoformat()}
    if policy.end:
        text += _(", until %(day)s") % {"day": policy.end.isoformat()}
    if policy.datasets_first:
        text += _(", its datasets first")
    return text


def _message(kind: str, where: tuple[int | str, ...]) -> str:
    if kind == "extra_forbidden":
        return _("There is no such field.")
    if kind == "literal_error":
        return _("Use day or hour.")
    if kind == "value_error":
        return _("The end lies before the start.")
    if where and where[-1] == "hours":
        return _("Use 1 to 23 hours.")
    if where and where[-1] == "minute":
        return _("Use 0 to 59 minutes.")
    if kind.startswith("time"):
        return _("Use a time of day such as 03:00.")
    if kind.startswith("date"):
        return _("Use a date such as 2026-01-31.")
    return _("This value is not allowed here.")
