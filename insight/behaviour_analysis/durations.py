"""Lengths of time in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


def duration(seconds: float | None) -> str:
    """`3 d 4 h`, `25 min`, `40 s`: the two largest units of days, hours and minutes; "" for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < _MINUTE:
        return _("%(seconds)d s") % {"seconds": whole}
    if whole < _HOUR:
        return _("%(minutes)d min") % {"minutes": round(whole / _MINUTE)}
    if whole < _DAY:
        hours, rest = divmod(whole, _HOUR)
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest // _MINUTE}
    days, rest = divmod(whole, _DAY)
    return _("%(days)d d %(hours)d h") % {"days": days, "hours": rest // _HOUR}
