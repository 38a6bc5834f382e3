"""Use cases of send-outs: prepare, test, start, pause, stop."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied, PreconditionFailed, ValidationFailed
from cdp.jobs.models import Job
from insight.audiences import queries as audiences
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.campaigns.models import Campaign
from marketing.channels import health
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.delivery import (
    approval,
    composition,
    custom_message,
    decrypting,
    lifecycle,
    link_use,
    mail_message,
    push_message,
    quotas,
    recurrence,
    reviewing,
    schedule,
    sms_rules,
    targeting,
    timing,
    variables,
)
from marketing.delivery.campaign_links import KIND
from marketing.delivery.models import Recipient, SendOut
from marketing.delivery.targets import id_type_of

FIELDS = (
    "name",
    "provider",
    "sender",
    "signature",
    "template",
    "audience",
    "id_type",
    "variables",
    "limit",
    "holdout",
    "holdout_salt",
    "encrypted",
    "refresh_first",
    "track",
    "unsubscribe_link",
    "return_path",
    "per_minute",
    "scheduled_at",
    "recurrence",
    "window",
    "conversion",
)
MOST_KEPT_BACK = 50
"""Per cent of the people that may be kept back for comparison."""
OF_RESENDS = ("name", "limit", "per_minute", "scheduled_at")
"""What can be changed where the same message goes once more to those who failed."""


def check_owner(send_out: SendOut, access: Access) -> None:
    """Own send-outs, or the right to manage everybody's. Raises PermissionDenied."""
    if send_out.owner_id != access.user.pk and not access.can(f"marketing.{send_out.channel}.manage_others"):
        raise PermissionDenied(_("Only the owner of the send-out can do this."))


def create(access: Access, channel: str, values: dict[str, Any]) -> SendOut:
    """A draft. Raises ValidationFailed with the fields that need another value."""
    access.require(f"marketing.{channel}.create")
    quotas.check(access.workspace, channel)
    send_out = SendOut(workspace=access.workspace, channel=channel, owner=access.user, edited_by=access.user)
    campaigns, rest = _campaigns(access, values)
    parts = _assign(access, send_out, rest)
    with transaction.atomic():
        save(send_out, force_insert=True)
        composition.write(send_out, parts)
        audit.record(access, "send_out.created", send_out, after={"name": send_out.name, "channel": channel})
        if campaigns is not None:
            links.link(access, KIND, send_out, campaigns)
    return send_out


def update(
    access: Access, send_out: SendOut, values: dict[str, Any], *, edit_version: int | None = None
) -> SendOut:
    """Change a send-out that has not started. A waiting one goes back to draft and must be submitted again."""
    access.require(f"marketing.{send_out.channel}.create")
    check_owner(send_out, access)
    campaigns, rest = _campaigns(access, values)
    with transaction.atomic():
        send_out = SendOut.objects.select_for_update(of=("self",)).get(pk=send_out.pk)
        if edit_version is not None and edit_version != send_out.edit_version:
            raise PreconditionFailed()
        lifecycle.check_edit(send_out)
        parts = _assign(access, send_out, rest)
        if campaigns is not None:
            links.link(access, KIND, send_out, campaigns)
        _forget_preparation(send_out)
        send_out.state, send_out.edited_by = SendOut.State.DRAFT, access.user
        send_out.state_reason = approval.void(send_out, _("it was edited"))
        send_out.submitted_at = None
        send_out.bump()
        save(send_out)
        composition.write(send_out, parts)
    audit.record(access, "send_out.changed", send_out, after={"fields": sorted(values)})
    return send_out


def _campaigns(access: Access, values: dict[str, Any]) -> tuple[list[Campaign] | None, dict[str, Any]]:
    """The campaigns of `campaigns`, None where nothing is said of them, and the other values."""
    rest = {name: value for name, value in values.items() if name != "campaigns"}
    return links.checked(access, values["campaigns"]) if "campaigns" in values else None, rest


def _forget_preparation(send_out: SendOut) -> None:
    """Drop what an earlier start had frozen and found, before anybody was written to; not saved yet."""
    send_out.recipients.all().delete()
    send_out.batches.all().delete()
    send_out.links.all().delete()
    if send_out.resend_of_id is None:
        send_out.content, send_out.audience_version = {}, None
        send_out.parts.update(version=None)
    send_out.resolved_at = send_out.started_at = send_out.finished_at = None
    send_out.held_until = send_out.failing_since = send_out.next_run_at = None


def save(send_out: SendOut, **options: Any) -> None:
    """Raises ValidationFailed where another send-out of the channel has the name."""
    try:
        with transaction.atomic():
            send_out.save(**options)
    except IntegrityError as error:
        if "send_out_name_unique" in str(error):
            message = _("Another send-out of this channel has this name.")
            raise ValidationFailed(message, errors={"name": [message]}) from None
        raise


def _assign(access: Access, send_out: SendOut, values: dict[str, Any]) -> composition.Parts:
    """Set the values; the parts among them are checked as well, and written once the send-out is saved."""
    given = values = custom_message.with_templates(access, send_out, values)
    parts, values = composition.taken(timing.checked(send_out, given))
    before = composition.whole(send_out)
    after = composition.whole(send_out, parts)
    if send_out.resend_of_id:
        for field in parts.names:
            if getattr(before, field) != getattr(after, field):
                named = field if field in given else composition.SINGLE[field]
                raise ValidationFailed(errors={named: [_("It stays that of the first send-out.")]})
    for field, value in values.items():
        if field not in FIELDS:
            raise ValidationFailed(errors={field: [_("Unknown field.")]})
        if send_out.resend_of_id and field not in OF_RESENDS and value != getattr(send_out, field):
            raise ValidationFailed(errors={field: [_("It stays that of the first send-out.")]})
        setattr(send_out, field, value)
    if send_out.template_id and send_out.template.signature is not None:
        # Carriers have approved a digital SMS with its signature.
        send_out.signature = send_out.template.signature
    composition.check_rights(access, before, parts)
    errors = problems(send_out, after)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return parts


def problems(send_out: SendOut, parts: composition.Whole | None = None) -> dict[str, list[str]]:
    """What keeps the send-out from being saved, by field; `parts` are those that it is about to get."""
    errors: dict[str, list[str]] = {}

    def add(field: str, message: str) -> None:
        errors.setdefault(field, []).append(message)

    if not send_out.name.strip() or len(send_out.name) > 64:
        add("name", _("Give a name of 1 to 64 characters."))
    for field, shown in (("provider", "provider"), ("template", "template"), ("audience", "audiences")):
        if getattr(send_out, f"{field}_id") is None:
            add(shown, _("This is needed."))
    if errors:
        return errors
    parts = parts or composition.whole(send_out)
    if send_out.provider.channel != send_out.channel:
        add("provider", _("This provider serves another channel."))
    if send_out.template.channel != send_out.channel:
        add("template", _("This template is for another channel."))
    if send_out.resend_of_id is None and any(row.removed for row in parts.templates(send_out)):
        add("variants" if parts.variants else "template", _("This template was removed. Choose another."))
    if send_out.channel == "sms" and (
        send_out.signature is None or send_out.signature.provider_id != send_out.provider_id
    ):
        add("signature", _("Choose a signature of this provider."))
    kind = provider_type(send_out.provider)
    if send_out.resend_of_id is None:
        errors |= custom_message.problems(send_out, parts.templates(send_out), parts.audiences)
        if "id_type" not in errors:
            errors |= targeting.problems(
                parts.audiences, parts.exclude, id_type_of(send_out), hashes=kind.to_devices
            ) or decrypting.problems(send_out, parts.audiences, parts.exclude)
        for message in composition.variant_problems(send_out, parts.variants):
            add("variants", message)
        if send_out.channel == "email":
            for field, message in mail_message.problems(send_out, parts.templates(send_out)):
                add("variants" if field == "template" and parts.variants else field, message)
        for message in push_message.problems(parts.templates(send_out), kind):
            add("variants" if parts.variants else "template", message)
        for field, messages in sms_rules.problems(
            send_out, parts.templates(send_out), parts.audiences
        ).items():
            errors.setdefault(field, []).extend(messages)
    if send_out.limit is not None and (message := _limit_problem(send_out, parts.audiences)):
        add("limit", message)
    if not 0 <= send_out.holdout <= MOST_KEPT_BACK:
        add("holdout", _("From 0 to %(most)d per cent.") % {"most": MOST_KEPT_BACK})
    if len(send_out.holdout_salt) > 64:
        add("holdout_salt", _("At most 64 characters."))
    if send_out.per_minute is not None and send_out.per_minute < 1:
        add("per_minute", _("At least one message per minute."))
    if send_out.resend_of_id is None:
        for message in variables.problems(send_out, parts.templates(send_out)):
            add("variables", message)
    for message in timing.window_problems(send_out):
        add("window", message)
    return errors


def _limit_problem(send_out: SendOut, wanted: list[Audience]) -> str:
    assert send_out.limit is not None
    if send_out.limit < 1:
        return _("At least one person.")
    versions = [audiences.latest_version(row) for row in wanted]
    people = sum(version.count for version in versions if version is not None)
    if send_out.resend_of_id is None and all(versions) and send_out.limit > people:
        return _("The audience has only %(count)s people.") % {"count": people}
    return ""


def submit(
    access: Access, send_out: SendOut, *, scheduled_at: datetime | None = None, now: bool = False
) -> SendOut:
    """Wait for the given time, or the one set before; start at once without one, or when told `now`.

    What starts at once and is still in review at its platform leaves when that has approved it.

    Raises ValidationFailed or Conflict with what is missing.
    """
    access.require(f"marketing.{send_out.channel}.send")
    check_owner(send_out, access)
    with transaction.atomic():
        # Nothing is joined: a row whose template somebody changes meanwhile would fall out of the join.
        send_out = SendOut.objects.select_for_update().get(pk=send_out.pk)
        custom_message.check_use(access, send_out)
        if not lifecycle.is_startable(send_out):
            raise Conflict(_("It has been submitted already."), code="send_out_started")
        errors = problems(send_out)
        if not errors and (open_ones := variables.unanswered(send_out)):
            errors["variables"] = [hole_message(open_ones)]
        if errors:
            raise ValidationFailed(_("The send-out is not complete."), errors=errors)
        timing.check_once(send_out, asked=now or scheduled_at is not None)
        send_out.scheduled_at = None if now else scheduled_at or send_out.scheduled_at
        schedule.check_time(send_out)
        ready = _check_ready(send_out)
        _forget_preparation(send_out)
        send_out.submitted_at, send_out.submitted_by = timezone.now(), access.user
        send_out.bump()
        if not ready:
            # A second person is asked once the platform has said yes.
            send_out.state, send_out.state_reason = SendOut.State.REVIEWING, ""
            send_out.save()
        elif approval.ask(access, send_out):
            pass
        elif send_out.recurrence:
            recurrence.begin(send_out)
        elif send_out.scheduled_at:
            send_out.state, send_out.state_reason = SendOut.State.WAITING, ""
            send_out.save()
        else:
            send_out.save()
            schedule.begin(send_out)
    audit.record(
        access,
        "send_out.submitted",
        send_out,
        after={
            "audiences": [row.pk for row in targeting.included(send_out)],
            "exclude": [row.pk for row in targeting.excluded(send_out)],
            "templates": [row.pk for row in send_out.templates],
            "holdout": send_out.holdout,
            "recurrence": send_out.recurrence,
            "window": send_out.window,
        },
    )
    return send_out


def hole_message(names: list[str]) -> str:
    return _("Give a text for people without a value, or leave them out: %(names)s") % {
        "names": ", ".join(names)
    }


def obstacles(send_out: SendOut) -> list[Conflict]:
    """What keeps a complete send-out from leaving, as far as is known here: nobody outside is asked."""
    found = []
    if not send_out.provider.enabled:
        found.append(Conflict(_("The provider is switched off."), code="provider_off"))
    elif (hold := health.held_by(send_out.provider)) is not None:
        found.append(Conflict(hold.reason, code="provider_failing"))
    elif send_out.provider.failing_since:
        message = _("The provider lets nobody in: %(error)s Renew its keys under “Channels”.")
        found.append(Conflict(message % {"error": send_out.provider.last_error}, code="provider_failing"))
    if send_out.resend_of_id:
        return found
    if names := custom_message.unfilled(send_out):
        message = _("These parameters have no value yet: %(names)s.") % {"names": ", ".join(names)}
        found.append(Conflict(message, code="params_open"))
    if not send_out.refresh_first and (names := targeting.not_computed(send_out)):
        message = _("These audiences have not been computed yet: %(names)s.") % {"names": ", ".join(names)}
        found.append(Conflict(message, code="audience_empty"))
    if ended := link_use.over(send_out):
        message = _(
            "Short links of the message have ended by the time it leaves: %(names)s. Extend them first."
        )
        listed = ", ".join(link.name for link in ended)
        found.append(Conflict(message % {"names": listed}, code="short_link_over"))
    return [*found, *decrypting.obstacles(send_out), *reviewing.obstacles(send_out)]


def _check_ready(send_out: SendOut) -> bool:
    """Whether it can leave; False where it waits for reviews first, which an SMS that is scheduled cannot.

    Raises the first obstacle, after asking the platform for reviews that are still open here.
    """
    if send_out.provider.enabled:
        reviewing.ask(send_out)
    found = obstacles(send_out)
    at_once = send_out.scheduled_at is None and not send_out.recurrence
    if found and (not at_once or not reviewing.is_all(send_out, found)):
        raise found[0]
    return not found


def pause(access: Access, send_out: SendOut) -> SendOut:
    """Hold what has not been handed over; what has stays sent. Of a plan: make no runs; those under way go on."""
    allowed: tuple[SendOut.State, ...] = (SendOut.State.SENDING, SendOut.State.REPEATING)
    if send_out.held_until is not None:
        allowed = (*allowed, SendOut.State.WAITING)
    return _switch(access, send_out, allowed, SendOut.State.PAUSED, "send_out.paused")


def cancel(access: Access, send_out: SendOut) -> SendOut:
    """Stop for good: queued recipients are cancelled, those handed over keep their result."""
    send_out = _switch(access, send_out, SendOut.LIVE, SendOut.State.CANCELLED, "send_out.cancelled")
    send_out.recipients.filter(state=Recipient.State.QUEUED).update(state=Recipient.State.CANCELLED)
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=timezone.now())
    approval.void(send_out, _("it was stopped"))
    return send_out


def _switch(
    access: Access, send_out: SendOut, allowed: tuple[SendOut.State, ...], state: SendOut.State, action: str
) -> SendOut:
    access.require(f"marketing.{send_out.channel}.send")
    check_owner(send_out, access)
    changed = SendOut.objects.filter(pk=send_out.pk, state__in=allowed).update(
        state=state, state_reason="", held_until=None, updated_at=timezone.now()
    )
    send_out.refresh_from_db()
    if not changed:
        raise Conflict(
            _("This is not possible while it is “%(state)s”.") % {"state": send_out.get_state_display()},
            code="send_out_state",
        )
    audit.record(access, action, send_out)
    return send_out


def resume(access: Access, send_out: SendOut) -> SendOut:
    """Go on with a send-out that was paused or failed on its way; recipients left queued get their message."""
    access.require(f"marketing.{send_out.channel}.send")
    check_owner(send_out, access)
    with transaction.atomic():
        send_out = (
            SendOut.objects.select_for_update(of=("self",))
            .select_related("workspace", "owner")
            .get(pk=send_out.pk)
        )
        active = Job.objects.filter(dedupe_key=f"send_out:{send_out.pk}", status__in=Job.ACTIVE).exists()
        if not lifecycle.can_resume(send_out) or active:
            raise Conflict(_("It is not paused, or is still coming to a halt."), code="send_out_state")
        send_out.failing_since = None
        if send_out.recurrence:
            recurrence.begin(send_out)
        else:
            schedule.begin(send_out)
    audit.record(access, "send_out.resumed", send_out)
    return send_out


def delete(access: Access, send_out: SendOut) -> None:
    """Remove a send-out that nobody has got, or whose recipients are no longer kept."""
    access.require(f"marketing.{send_out.channel}.create")
    check_owner(send_out, access)
    with transaction.atomic():
        locked = SendOut.objects.select_for_update(of=("self",)).get(pk=send_out.pk)
        lifecycle.check_delete(locked)
        audit.record(access, "send_out.deleted", locked, before={"name": locked.name})
        links.forget(KIND, locked.pk)
        if locked.channel == Provider.Channel.CUSTOM:
            # It may go while its people are still kept: these are deleted by the database, not one by one.
            from marketing.delivery import expiry

            expiry.delete_rows(locked.pk)
        locked.delete()
