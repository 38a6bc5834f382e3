"""What exactly somebody approves: message, people, provider and time of a send-out, as a seal that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import DomainError
from insight.audiences import gathering
from insight.audiences import queries as audiences
from insight.audiences.models import AudienceVersion
from marketing.delivery import contents, decrypting, freeze
from marketing.delivery.failed import failed_of
from marketing.delivery.models import SendOut
from marketing.delivery.targets import id_type_of

_SETTINGS = ("variables", "limit", "holdout", "holdout_salt", "refresh_first", "track", "per_minute")
Seal = dict[str, Any]


@dataclass(frozen=True)
class Versions:
    """The audiences' versions that a message goes to, and those whose members are left out; None: not computed."""

    included: Sequence[AudienceVersion | None]
    excluded: Sequence[AudienceVersion | None]


def current(send_out: SendOut) -> Versions:
    """What would count if it started now."""
    parts = list(send_out.parts.select_related("audience", "version"))

    def of(excluded: bool) -> list[AudienceVersion | None]:
        rows = [row for row in parts if row.excluded == excluded]
        return [row.version or audiences.latest_version(row.audience) for row in rows]

    first = send_out.audience_version
    if first is None and send_out.audience is not None:
        first = audiences.latest_version(send_out.audience)
    return Versions([first, *of(excluded=False)], of(excluded=True))


def people(send_out: SendOut, versions: Versions) -> int:
    """How many people it goes to at most; 0 where an audience has not been computed."""
    if send_out.resend_of is not None:
        found = failed_of(send_out.resend_of).count()
    else:
        included = [row for row in versions.included if row is not None]
        excluded = [row for row in versions.excluded if row is not None]
        if len(included) < len(versions.included) or len(excluded) < len(versions.excluded):
            return 0
        try:
            found = _counted(send_out, included, excluded)
        except DomainError:
            # An audience that has lost its IDs: sending says so.
            return 0
    return min(found, send_out.limit) if send_out.limit else found


def _counted(send_out: SendOut, included: list[AudienceVersion], excluded: list[AudienceVersion]) -> int:
    if len(included) == 1 and not excluded:
        return included[0].count
    crowd = gathering.Crowd(included, excluded, id_type_of(send_out), decrypting.is_encrypted(send_out))
    reach = gathering.reach(crowd)
    return reach.people - reach.left_out


def message_of(send_out: SendOut) -> dict[str, Any]:
    """The content as it would be frozen now; empty where it cannot be, which no approval fits."""
    try:
        return send_out.content or freeze.build(send_out)
    except DomainError:
        return {}


def seal(
    send_out: SendOut, content: dict[str, Any], versions: Versions, *, number: int | None = None
) -> Seal:
    """`number`: how many people there are, where that is known."""
    included, excluded = (
        # A plan's runs go to whoever is in its audiences then.
        [row.audience_id if row and send_out.recurrence else row.pk if row else "" for row in rows]
        for rows in (versions.included, versions.excluded)
    )
    return {
        "message": _digest(_said(content)),
        "included": included,
        "excluded": excluded,
        "provider": send_out.provider_id,
        "scheduled_at": send_out.scheduled_at.isoformat() if send_out.scheduled_at else "",
        "settings": settings_of(send_out),
        "people": people(send_out, versions) if number is None else number,
    }


def _said(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages alone: a template that was saved again with the same words is the same message."""
    rows = contents.all_of(content)
    return [{key: value for key, value in row.items() if key != contents.VERSION} for row in rows]


def settings_of(send_out: SendOut) -> str:
    """What stands for everything that is set at the send-out itself."""
    shares = [(row.template_id, row.share) for row in send_out.variants.all()]
    settings = {name: getattr(send_out, name) for name in _SETTINGS}
    # Only where they are set, so that older seals hold.
    settings |= {name: value for name in ("recurrence", "window") if (value := getattr(send_out, name))}
    return _digest({**settings, "shares": shares, "resend_of": send_out.resend_of_id})


def now(send_out: SendOut, like: Seal | None = None) -> Seal:
    """The seal of a send-out as things stand. People are counted anew only where their audiences differ from `like`."""
    versions = current(send_out)
    found = seal(send_out, message_of(send_out), versions, number=like["people"] if like else None)
    same = like is None or all(found[name] == like[name] for name in ("included", "excluded", "settings"))
    return (
        found if same and send_out.resend_of_id is None else {**found, "people": people(send_out, versions)}
    )


def token(sealed: Seal) -> str:
    """A short text that stands for the seal: whoever approves gives back the one that they have seen."""
    return _digest(sealed)[:16]


def causes(send_out: SendOut, before: Seal, after: Seal) -> list[str]:
    """What has changed between two seals, in words."""
    found = []
    if after["people"] != before["people"]:
        found.append(
            _("the audience changed from %(before)s to %(after)s people")
            % {"before": f"{before['people']:,}", "after": f"{after['people']:,}"}
        )
    elif any(after[name] != before[name] for name in ("included", "excluded")):
        found.append(
            _("the audience was computed anew (%(count)s people)") % {"count": f"{after['people']:,}"}
        )
    if after["message"] != before["message"]:
        found.append(_("the message was changed"))
    if after["provider"] != before["provider"]:
        found.append(_("the provider was changed"))
    if after["scheduled_at"] != before["scheduled_at"]:
        times = {
            "before": _moment(send_out, before["scheduled_at"]),
            "after": _moment(send_out, after["scheduled_at"]),
        }
        found.append(_("the time was changed from %(before)s to %(after)s") % times)
    if after["settings"] != before["settings"]:
        found.append(_("its settings were changed"))
    return found


def _moment(send_out: SendOut, text: str) -> str:
    if not text:
        return _("at once")
    return localtime(datetime.fromisoformat(text), timezones.zone(send_out.workspace)).strftime(
        "%Y-%m-%d %H:%M"
    )


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()
