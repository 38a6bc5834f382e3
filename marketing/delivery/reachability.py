"""Whom a message would reach if it left now, by each type of ID that the channel writes to.

Nothing here is a promise: audiences are counted as they were computed last, and caps hold at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from admin_center.organizations.models import Workspace
from insight.audiences import gathering
from insight.audiences.models import Audience
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.content.models import Signature, Template
from marketing.delivery import conflict_stage, contact_policy, decrypting, targeting
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPES_OF

MOST_LOOKED_UP = 50_000
"""People whose numbers or addresses are compared while somebody chooses; of more, only the engine's counts are told."""
MOST_TYPES = 6


@dataclass(frozen=True)
class IdReach:
    """`people` of the audiences, `left_out` of them by exclusion, and different usable IDs of the others: `with_id`.

    Of those, `suppressed` are on the do-not-contact list, and `capped`, of the rest, have got as many messages as one
    person may get; both None where nobody has looked. `held` are left out because quiet hours are on. `reachable` is
    what remains.
    """

    id_type: str
    people: int
    left_out: int
    with_id: int
    suppressed: int | None
    capped: int | None
    held: int
    reachable: int


def planned(
    workspace: Workspace,
    channel: str,
    *,
    template: Template | None = None,
    signature: Signature | None = None,
    purpose: str = "",
) -> SendOut:
    """A send-out that is not saved, for what depends on the message: notices are neither capped nor held."""
    written = template or Template(workspace=workspace, purpose=purpose or Template.Purpose.PROMOTION)
    return SendOut(workspace=workspace, channel=channel, template=written, signature=signature)


def id_types(workspace: Workspace, channel: str, wanted: Sequence[Audience], chosen: str) -> list[str]:
    """The chosen type, and others that the channel writes to here and that all the audiences hold."""
    types: Sequence[str] = ID_TYPES_OF[channel]
    if channel == Provider.Channel.PUSH:
        apps = Provider.objects.in_workspace(workspace).filter(channel=channel)
        connected = {provider_type(app).id_type for app in apps}
        types = [key for key in types if key in connected]
    hashes = channel == Provider.Channel.PUSH
    others = [
        key for key in types if key != chosen and not targeting.problems(list(wanted), [], key, hashes=hashes)
    ]
    return [chosen, *others][:MOST_TYPES]


def are_encrypted(wanted: list[Audience], id_type: str) -> bool:
    """Whether the first audience says that its IDs are AES-encrypted."""
    return decrypting.said_by(wanted[:1], id_type) == {"aes"}


def count(
    send_out: SendOut, wanted: list[Audience], banned: list[Audience], types: Sequence[str]
) -> list[IdReach]:
    """By type of ID. Raises DomainError with what is wrong with the audiences, of the first type alone."""
    now, found = contact_policy.quiet_now(send_out), []
    # Whether the app writes to registered devices is looked at when it is saved.
    hashes = send_out.channel == Provider.Channel.PUSH
    for place, id_type in enumerate(types):
        if place and targeting.problems(wanted, banned, id_type, hashes=hashes):
            continue
        targeting.check(wanted, banned, id_type, hashes=hashes)
        encrypted = are_encrypted(wanted, id_type)
        crowd = targeting.as_computed(wanted, banned, id_type, encrypted=encrypted)
        looks = not encrypted and crowd.form == "plain" and crowd.at_most * len(types) <= MOST_LOOKED_UP
        found.append(_of(send_out, crowd, now, looks=looks))
    return found


def _of(
    send_out: SendOut, crowd: gathering.Crowd, now: contact_policy.Quiet | None, *, looks: bool
) -> IdReach:
    reach = gathering.reach(crowd)
    with_id, suppressed, capped = reach.reachable, None, None
    if looks:
        with conflict_stage.staged_crowd(send_out, crowd) as stage:
            counts = stage.counts()
        with_id, suppressed, capped = counts["people"], counts["suppressed"], counts["capped"]
    left = with_id - (suppressed or 0) - (capped or 0)
    held = left if now is not None and now.action == "skip" else 0
    return IdReach(
        crowd.id_type, reach.people, reach.left_out, with_id, suppressed, capped, held, left - held
    )


def as_json(found: Sequence[IdReach], now: contact_policy.Quiet | None) -> dict[str, Any]:
    """As the API says it."""
    return {
        "id_types": [vars(row) for row in found],
        "quiet_hours": {"until": now.until, "action": now.action} if now is not None else None,
    }
