"""What a send-out would do if it left now, to look at before it is really submitted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext as _

from cdp.core.errors import DomainError
from cdp.core.identifiers import ID_TYPES
from insight.audiences import gathering
from marketing.channels import carriers
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.content import rendering, reviews
from marketing.content.columns import carriers_of
from marketing.delivery import contact_policy, decrypting, mail_message, services, sms_rules, targeting, trial
from marketing.delivery.failed import failed_of
from marketing.delivery.models import SendOut, Suppression
from marketing.delivery.targets import id_type_of
from marketing.delivery.variables import texts_of, variables_of

MOST_COUNTED = 200_000
"""People who are looked at one by one; of more only the engine's count is known."""
SAMPLED = 1_000
ROWS = 10_000


@dataclass
class Estimate:
    """Counts of people; None where it is not known before sending. Nothing here is a promise.

    `reachable` have a usable ID; of them `suppressed` are on the do-not-contact list, and `barred` are with carriers
    that have not approved a digital SMS. `receive` get the message at most, after limit and control group. `segments`
    are the SMS for one person, by the longest of a sample, and `total` those for all.
    """

    people: int = 0
    left_out: int = 0
    reachable: int | None = None
    suppressed: int | None = None
    barred: int | None = None
    receive: int = 0
    segments: int | None = None
    total: int | None = None


def estimate(send_out: SendOut) -> Estimate:
    """Counted as the audiences were computed last. Raises ValidationFailed where one has not been."""
    found = Estimate()
    if send_out.resend_of is not None:
        found.people = found.receive = failed_of(send_out.resend_of).count()
    else:
        id_type, encrypted = id_type_of(send_out), decrypting.is_encrypted(send_out)
        wanted, banned = targeting.included(send_out), targeting.excluded(send_out)
        crowd = targeting.as_computed(wanted, banned, id_type, encrypted=encrypted)
        reach = gathering.reach(crowd)
        found.people, found.left_out, found.receive = reach.people, reach.left_out, reach.reachable
        found.reachable = reach.reachable
        if not encrypted and crowd.at_most <= MOST_COUNTED:
            _look(send_out, crowd, found)
    if send_out.limit:
        found.receive = min(found.receive, send_out.limit)
    if send_out.holdout:
        found.receive -= found.receive * send_out.holdout // 100
    if send_out.channel == Provider.Channel.SMS:
        found.segments = _segments(send_out)
        found.total = found.segments * found.receive
    return found


def _look(send_out: SendOut, crowd: gathering.Crowd, found: Estimate) -> None:
    """Look at everybody's number or address: what is usable, on the list, and of which carrier."""
    normalise = ID_TYPES[crowd.id_type].normalise
    approving = _approving(send_out)
    own = carriers.own_table(send_out.provider)
    seen: set[str] = set()
    barred: set[str] = set()
    suppressed: set[str] = set()
    for batch in gathering.batches(crowd, ROWS):
        new: set[str] = set()
        for target in _targets(batch):
            clear = normalise(target)
            if clear is None:
                continue
            digest = target_hash(send_out.workspace_id, send_out.channel, clear)
            new.add(digest)
            if approving is not None and carriers.carrier_of(clear, own) not in approving:
                barred.add(digest)
        new -= seen
        seen |= new
        listed = Suppression.objects.filter(
            workspace=send_out.workspace_id,
            channel=send_out.channel,
            target_hash__in=new,
            signature__in=contact_policy.signatures(send_out),
        )
        suppressed |= set(listed.values_list("target_hash", flat=True))
    found.reachable, found.suppressed = len(seen), len(suppressed)
    found.barred = None if approving is None else len(barred)
    found.receive = len(seen - barred - suppressed)


def _targets(batch: pa.RecordBatch) -> list[str]:
    rows = zip(batch.column("target").to_pylist(), batch.column("excluded").to_pylist(), strict=True)
    return [target for target, excluded in rows if target and not excluded]


def _approving(send_out: SendOut) -> list[str] | None:
    """Of a digital SMS: the carriers that have approved it, or any of its variants."""
    if not send_out.template.is_digital:
        return None
    rows = [reviews.current(template, send_out.provider) for template in send_out.templates]
    return [code for row in rows if row is not None for code in reviews.approving(row)]


def _segments(send_out: SendOut) -> int:
    """SMS for one person: the longest text of all variants and of the first people."""
    if send_out.content:
        return max(trial.preview(send_out, variant=place).get("parts", 1) for place in _places(send_out))
    if send_out.template.is_digital:
        return 1
    longest = 1
    variables = variables_of(send_out)
    texts = _sample(send_out) if any(item.tag for item in variables) else [texts_of(variables, {})[0]]
    for template in send_out.templates:
        for values in texts:
            filled = rendering.fill(template.text, {**values, **trial.sample_parameters(send_out)})
            longest = max(longest, sms_rules.length_of(send_out, filled).parts)
    return longest


def _places(send_out: SendOut) -> range:
    return range(max(1, send_out.variants.count()))


def _sample(send_out: SendOut) -> list[dict[str, str]]:
    """The texts of the first people, as they would read them."""
    variables = variables_of(send_out)
    tags = list(dict.fromkeys(item.source for item in variables if item.tag))
    encrypted = decrypting.is_encrypted(send_out)
    wanted = targeting.included(send_out)
    crowd = targeting.as_computed(wanted, [], id_type_of(send_out), encrypted=encrypted)
    first = next(iter(gathering.batches(crowd, SAMPLED, tags=tags, owner=send_out.owner)), None)
    if first is None:
        return [texts_of(variables, {})[0]]
    columns = [first.column(first.num_columns - len(tags) + place).to_pylist() for place in range(len(tags))]
    rows = [dict(zip(tags, values, strict=True)) for values in zip(*columns, strict=True)]
    return [texts_of(variables, row)[0] for row in rows[:SAMPLED]]


def summary(send_out: SendOut) -> dict[str, Any]:
    """The send-out as it stands: what, to whom, how many, and what is in the way."""
    try:
        counted, problem = asdict(estimate(send_out)), ""
    except DomainError as error:
        counted, problem = asdict(Estimate()), str(error)
    return {
        "name": send_out.name,
        "channel": send_out.channel,
        "digital": send_out.template.is_digital,
        "purpose": send_out.template.purpose,
        "provider": send_out.provider.name,
        "sender": str(send_out.sender or send_out.signature or ""),
        "templates": [_template(send_out, template) for template in send_out.templates],
        "audiences": [row.name for row in targeting.included(send_out)],
        "exclude": [row.name for row in targeting.excluded(send_out)],
        "limit": send_out.limit,
        "holdout": send_out.holdout,
        "scheduled_at": send_out.scheduled_at,
        "estimate": counted,
        "problem": problem,
        "obstacles": [str(row) for row in services.obstacles(send_out)],
        "warnings": [*sms_rules.warnings(send_out), *mail_message.warnings(send_out)],
    }


def _template(send_out: SendOut, template: Any) -> dict[str, str]:
    review = reviews.current(template, send_out.provider) if reviews.needed(send_out.provider) else None
    state = str(review.get_state_display()) if review is not None else ""
    if not state and reviews.needed(send_out.provider):
        state = _("Not sent in for review")
    return {"name": template.shown_name, "review": state, "carriers": carriers_of(review)}
