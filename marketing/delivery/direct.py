"""A message to people who are known one by one: no audience, no variables, away at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict
from marketing.channels.targets import target_hash
from marketing.content.models import Signature, Template
from marketing.delivery import approval, contact_policy, copying, costs, freeze, schedule, services
from marketing.delivery.models import Recipient, SendOut
from marketing.delivery.targets import last_digits

Person = tuple[str, str]
"""Who it is in the audiences ("" where nobody knows), and the normalised target."""


def send(
    access: Access,
    origin: SendOut.Origin,
    template: Template,
    signature: Signature,
    people: Sequence[Person],
    *,
    word: str,
) -> SendOut:
    """One SMS to each number of `people`, however often it is among them. The send-out is named after the template.

    Raises Conflict where template or signature are not approved, or so many people need a second person's word.
    Suppressions, caps and quiet hours hold.
    """
    channel = template.channel
    access.require(f"marketing.{channel}.create")
    access.require(f"marketing.{channel}.send")
    now = timezone.now()
    send_out = SendOut(
        workspace=access.workspace,
        channel=channel,
        origin=origin,
        owner=access.user,
        name=template.name,
        provider=signature.provider,
        signature=signature,
        template=template,
        encrypted=False,
        submitted_at=now,
        resolved_at=now,
    )
    send_out.name = copying.free_name(send_out, word)
    with transaction.atomic():
        services.save(send_out, force_insert=True)
        for obstacle in services.obstacles(send_out):
            raise obstacle
        send_out.content = freeze.build(send_out)
        costs.fix_price(send_out)
        numbers = {target: person for person, target in reversed(people)}
        if approval.is_needed(send_out, len(numbers)):
            raise Conflict(
                _(
                    "Answers to this many people need a second person's approval, for which replies cannot wait."
                ),
                code="approval_needed",
            )
        Recipient.objects.bulk_create(
            Recipient(
                send_out=send_out,
                person=person,
                person_hash=target_hash(access.workspace.pk, channel, target),
                target=target,
                ending=last_digits(channel, target),
            )
            for target, person in numbers.items()
        )
        contact_policy.leave_out(send_out)
        send_out.save()
        audit.record(
            access,
            "send_out.submitted",
            send_out,
            after={"origin": str(origin), "templates": [template.pk], "people": len(numbers)},
        )
        schedule.begin(send_out)
    return send_out
