"""A second person's word before a send-out leaves.

Submitting asks for it; what is approved is a seal (see `sealing`). The seal is compared with what is really frozen
when sending starts, under the send-out's lock: what differs goes back to the approvers, with the cause, and nothing
of it leaves.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import workspace_settings
from admin_center.permissions.holders import people_with
from cdp.console import notices
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Cancelled, Conflict, PermissionDenied, ValidationFailed
from cdp.core.languages import language_of
from marketing.channels.models import Provider
from marketing.delivery import addresses, freeze, recurrence, schedule, sealing
from marketing.delivery.models import Approval, SendOut

POINT = "marketing.approve"
_ASKS = gettext_lazy("Please approve: %(name)s")
_CHECKED = (SendOut.State.APPROVAL, SendOut.State.WAITING, SendOut.State.REPEATING)
_IN_FORCE = (Approval.State.WAITING, Approval.State.APPROVED)


class Unapproved(Exception):
    """Raised inside a running send-out that has gone back to its approvers; nobody has been written to."""


def is_needed(send_out: SendOut, people: int) -> bool:
    """Whether so many people may only be written to with a second person's word. The settings are read anew."""
    wanted = workspace_settings(Workspace.objects.get(pk=send_out.workspace_id)).approval
    return wanted.enabled and people > wanted.above


def in_force(send_out: SendOut) -> Approval | None:
    """The one that is asked for or given."""
    rows = Approval.objects.filter(send_out=send_out, state__in=_IN_FORCE)
    return rows.select_related("requested_by", "decided_by").first()


def latest(send_out: SendOut) -> Approval | None:
    """The last one, also where it is refused or void."""
    return send_out.approvals.select_related("requested_by", "decided_by").first()


def ask(access: Access, send_out: SendOut) -> bool:
    """Ask for approval of what is about to be submitted, if it is needed. Call with the row's lock; saves the state."""
    void(send_out, _("it was submitted again"))
    sealed = sealing.now(send_out)
    if not is_needed(send_out, sealed["people"]):
        return False
    if send_out.refresh_first and not send_out.recurrence:
        raise Conflict(
            _(
                "Send-outs that need approval cannot refresh their audience when they start: nobody would have "
                "approved those people. Refresh the audience now, and switch this off."
            ),
            code="approval_needs_fixed_audience",
        )
    _put(send_out, access.user, sealed, "")
    return True


def _put(send_out: SendOut, submitter: Any, sealed: sealing.Seal, reason: str) -> None:
    """Let it wait for approval, and tell those who can give it."""
    if send_out.refresh_first and not send_out.recurrence:
        # What has just been computed is what gets approved, or every approval would be void at once.
        send_out.refresh_first = False
        sealed = {**sealed, "settings": sealing.settings_of(send_out)}
    Approval.objects.create(send_out=send_out, seal=sealed, requested_by=submitter)
    send_out.state, send_out.state_reason = SendOut.State.APPROVAL, reason
    send_out.held_until = send_out.started_at = None
    send_out.bump()
    send_out.save()
    barred = {getattr(submitter, "pk", None), send_out.edited_by_id}
    for person in people_with(send_out.workspace, POINT):
        if person.pk not in barred:
            _tell(send_out, person, reason)


def _tell(
    send_out: SendOut,
    person: Any,
    text: str,
    *,
    level: str = "info",
    title: Any = _ASKS,
) -> None:
    """A notice in the person's language; nothing where there is nobody any more."""
    if person is None:
        return
    with translation.override(language_of(person)):
        notices.notify(
            send_out.workspace,
            person,
            str(title) % {"name": send_out.name},
            text=text,
            url=addresses.page_of(send_out),
            level=level,
        )


def void(send_out: SendOut, cause: str) -> str:
    """End what is asked for or given; returns the sentence for the page, empty where there was nothing to end."""
    ended = Approval.objects.filter(send_out=send_out, state__in=_IN_FORCE).update(
        state=Approval.State.VOID, remark=cause[:500]
    )
    return _("Approval voided: %(cause)s.") % {"cause": cause} if ended else ""


def waiting_for(access: Access) -> QuerySet[SendOut]:
    """The send-outs on which the person may decide."""
    rows = SendOut.objects.in_workspace(access.workspace).filter(state=SendOut.State.APPROVAL)
    seen = [name for name in Provider.Channel.values if access.can(f"marketing.{name}.view")]
    if not access.can(POINT) or not seen:
        return rows.none()
    mine = Q(edited_by=access.user) | Q(
        pk__in=Approval.objects.filter(state=Approval.State.WAITING, requested_by=access.user).values(
            "send_out"
        )
    )
    return rows.filter(channel__in=seen).exclude(mine)


def may_decide(access: Access, send_out: SendOut) -> bool:
    return waiting_for(access).filter(pk=send_out.pk).exists()


def approve(access: Access, send_out: SendOut, *, seal: str = "", remark: str = "") -> SendOut:
    """Let it leave, at its time or at once. `seal` is the token of what the person has seen.

    Raises Conflict where that is no longer what would be sent; it then waits for approval of what would.
    """
    with transaction.atomic():
        send_out, asked = _locked(access, send_out)
        if seal and seal != sealing.token(asked.seal):
            raise Conflict(
                _("It has been changed since you looked at it. Look again."), code="approval_outdated"
            )
        if not sealing.message_of(send_out):
            raise Conflict(
                _("The message cannot be made yet: its template is still in review, or has gaps."),
                code="template_not_approved",
            )
        cause = _changes(send_out, asked)
        if not cause:
            _decide(access, asked, Approval.State.APPROVED, remark)
            audit.record(access, "send_out.approved", send_out, after={"seal": asked.seal, "remark": remark})
            if send_out.recurrence:
                recurrence.begin(send_out)
            elif send_out.scheduled_at and send_out.scheduled_at > timezone.now():
                send_out.state, send_out.state_reason = SendOut.State.WAITING, ""
                send_out.bump()
                send_out.save()
            else:
                schedule.begin(send_out)
    if cause:
        raise Conflict(cause, code="approval_void")
    _tell(
        send_out,
        asked.requested_by,
        remark,
        level="success",
        title=gettext_lazy("Approved: %(name)s"),
    )
    return send_out


def refuse(access: Access, send_out: SendOut, *, remark: str) -> SendOut:
    """Back to its owner as a draft, with the reason."""
    remark = remark.strip()
    if not remark:
        message = _("Say why, so that it can be mended.")
        raise ValidationFailed(message, errors={"remark": [message]})
    with transaction.atomic():
        send_out, asked = _locked(access, send_out)
        _decide(access, asked, Approval.State.REFUSED, remark)
        send_out.state = SendOut.State.DRAFT
        send_out.state_reason = _("Not approved by %(person)s: %(remark)s") % {
            "person": access.user,
            "remark": remark,
        }
        send_out.submitted_at = None
        send_out.bump()
        send_out.save()
        audit.record(access, "send_out.refused", send_out, after={"remark": remark})
    _tell(
        send_out,
        asked.requested_by,
        remark,
        level="error",
        title=gettext_lazy("Not approved: %(name)s"),
    )
    return send_out


def _locked(access: Access, send_out: SendOut) -> tuple[SendOut, Approval]:
    """Both rows, for the decision. Raises PermissionDenied, Conflict.

    Nothing is joined: a row that somebody else changes meanwhile, waited for here, would fall out of the join.
    """
    access.require(POINT)
    access.require(f"marketing.{send_out.channel}.view")
    send_out = SendOut.objects.select_for_update().get(pk=send_out.pk)
    asked = Approval.objects.filter(send_out=send_out, state=Approval.State.WAITING).first()
    if send_out.state != SendOut.State.APPROVAL or asked is None:
        raise Conflict(_("It is not waiting for approval."), code="send_out_state")
    if access.user.pk in (asked.requested_by_id, send_out.edited_by_id):
        raise PermissionDenied(_("Somebody else must approve what you submitted or changed last."))
    return send_out, asked


def _decide(access: Access, asked: Approval, state: Approval.State, remark: str) -> None:
    asked.state, asked.remark = state, remark.strip()[:500]
    asked.decided_by, asked.decided_at = access.user, timezone.now()
    asked.save()


def _changes(send_out: SendOut, given: Approval, found: sealing.Seal | None = None) -> str:
    """Where it is no longer what was sealed, asks for approval anew and returns why. Call with the row's lock."""
    found = found or sealing.now(send_out, given.seal)
    changed = sealing.causes(send_out, given.seal, found)
    if not changed:
        return ""
    reason = void(send_out, ", ".join(changed))
    audit.record(
        None, "send_out.approval_voided", send_out, after={"cause": reason}, workspace=send_out.workspace
    )
    _put(send_out, given.requested_by, found, reason)
    _tell(
        send_out,
        given.requested_by,
        reason,
        level="warning",
        title=gettext_lazy("Needs approval again: %(name)s"),
    )
    return reason


def keep(send_out: SendOut, found: freeze.Found) -> None:
    """Freeze what was found for a send-out that starts, if it may be sent. Raises Unapproved where it may not."""
    parts = list(send_out.parts.all())
    versions = sealing.Versions(
        [found.version, *(found.more[row.pk] for row in parts if not row.excluded)],
        [found.more[row.pk] for row in parts if row.excluded],
    )
    # People are counted before the lock is taken: versions never change.
    sealed = sealing.seal(send_out, found.content, versions)
    with transaction.atomic():
        locked = SendOut.objects.select_for_update().get(pk=send_out.pk)
        if locked.state != SendOut.State.SENDING:
            raise Cancelled(_("The send-out was paused or stopped."))
        if approved := _stands(locked, sealed):
            freeze.keep(send_out, found)
    if not approved:
        raise Unapproved


def _stands(send_out: SendOut, found: sealing.Seal) -> bool:
    """Whether what is being frozen may be sent; if not, it waits for approval from now on. Call with the row's lock."""
    if (plan := _approved_plan(send_out)) is not None:
        return _plan_stands(send_out, plan, found)
    given = in_force(send_out)
    enabled = workspace_settings(Workspace.objects.get(pk=send_out.workspace_id)).approval.enabled
    if given is not None and given.state == Approval.State.APPROVED:
        return not enabled or not _changes(send_out, given, found)
    if not is_needed(send_out, found["people"]):
        return True
    reason = _("%(count)s people are more than may be written to without approval.") % {
        "count": f"{found['people']:,}"
    }
    void(send_out, reason)
    _put(send_out, send_out.submitted_by or send_out.owner, found, reason)
    return False


def _approved_plan(run: SendOut) -> SendOut | None:
    """The plan of a run, locked, where it was approved as such: then its runs need no approval of their own.

    One that somebody has mended and submitted by hand does.
    """
    by_hand = run.submitted_at != run.due_at
    if run.plan_id is None or by_hand or in_force(run) is not None:
        return None
    plan = SendOut.objects.select_for_update().get(pk=run.plan_id)
    given = in_force(plan)
    return plan if given is not None and given.state == Approval.State.APPROVED else None


def _plan_stands(run: SendOut, plan: SendOut, found: sealing.Seal) -> bool:
    """Whether the run is what was approved; if not, it fails, and the plan waits for approval from now on."""
    given = in_force(plan)
    assert given is not None
    sealed = {**sealing.now(plan, given.seal), "message": found["message"]}
    with translation.override(language_of(plan.owner)):
        reason = _changes(plan, given, sealed)
        if not reason:
            return True
        run.state, run.finished_at = SendOut.State.FAILED, timezone.now()
        run.state_reason = _("What repeats is no longer what was approved. %(reason)s") % {"reason": reason}
    run.save(update_fields=["state", "state_reason", "finished_at", "updated_at"])
    return False


def void_changed() -> int:
    """Look at all that waits, approved or not; returns how many need approval anew because of a change."""
    rows = SendOut.objects.filter(
        Q(state__in=(SendOut.State.APPROVAL, SendOut.State.REPEATING))
        | Q(state=SendOut.State.WAITING, resolved_at__isnull=True),
        approvals__state__in=_IN_FORCE,
    ).order_by(F("scheduled_at").asc(nulls_last=True))
    return sum(_void_if_changed(key) for key in rows.values_list("pk", flat=True).distinct())


def _void_if_changed(key: str) -> bool:
    with transaction.atomic():
        send_out = (
            SendOut.objects.select_for_update(skip_locked=True).filter(pk=key, state__in=_CHECKED).first()
        )
        given = in_force(send_out) if send_out is not None else None
        if send_out is None or given is None:
            return False
        with translation.override(language_of(send_out.owner)):
            return bool(_changes(send_out, given))
