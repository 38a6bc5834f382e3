"""The runs of send-outs that repeat: each is a send-out of its own, with its own recipients, counts and effect.

A run is made when it is due, under the plan's lock and once per moment (a unique key), and from then on is sent as any
other. What becomes of it does not change the plan.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count
from typing import Any

from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cdp.console import notices
from cdp.core import audit, locks, naming
from cdp.core.languages import language_of
from cdp.core.timezones import zone
from insight.campaigns import links
from marketing.delivery import (
    addresses,
    composition,
    lateness,
    list_figures,
    recurrence,
    schedule,
    services,
)
from marketing.delivery.campaign_links import KIND
from marketing.delivery.models import FilterReason, PlanContact, Recipient, SendOut

log = logging.getLogger(__name__)
FIGURES = ("sent", "delivered", "opened", "clicked", "converted")
_OF_THE_PLAN = ("name", "scheduled_at", "recurrence")
_LEDGER = Recipient._meta.db_table


def start_due() -> int:
    """Make and start every run that is due; returns how many were made."""
    made = 0
    due = SendOut.objects.filter(state=SendOut.State.REPEATING, next_run_at__lte=timezone.now())
    for key in due.values_list("pk", flat=True):
        try:
            with transaction.atomic():
                made += _start_due(key)
        except Exception:
            # The others must not wait for it; this one is tried again with the next look.
            log.exception("The run of the plan %s could not be made.", key)
    return made


def _start_due(key: str) -> int:
    now = timezone.now()
    rows = SendOut.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "workspace", "owner"
    )
    plan = rows.filter(pk=key, state=SendOut.State.REPEATING, next_run_at__lte=now).first()
    if plan is None or plan.next_run_at is None:
        return 0
    with translation.override(language_of(plan.owner)):
        due, missed = _latest(plan, plan.next_run_at, now)
        if missed:
            _note_missed(plan, missed)
        run(plan, due, now)
        _go_on(plan, due, now)
    return 1


def _latest(plan: SendOut, due: datetime, now: datetime) -> tuple[datetime, int]:
    """The last moment of the plan that is over, and how many before it have been missed: they are not made up for."""
    missed = 0
    while (following := recurrence.next_time(plan, due)) is not None and following <= now:
        due, missed = following, missed + 1
    return due, missed


def _note_missed(plan: SendOut, missed: int) -> None:
    plan.state_reason = ngettext(
        "%(count)d run was missed: the system was down. The next one goes on as planned.",
        "%(count)d runs were missed: the system was down. The next one goes on as planned.",
        missed,
    ) % {"count": missed}
    audit.record(None, "send_out.runs_missed", plan, after={"count": missed}, workspace=plan.workspace)


def _go_on(plan: SendOut, due: datetime, now: datetime) -> None:
    """Set the plan to its next moment, or end it after its last run."""
    plan.next_run_at = None if recurrence.is_used_up(plan) else recurrence.next_time(plan, due)
    if plan.next_run_at is None:
        plan.state, plan.finished_at = SendOut.State.FINISHED, now
    plan.save(update_fields=["next_run_at", "state", "state_reason", "finished_at", "updated_at"])


def run(plan: SendOut, due: datetime, now: datetime) -> SendOut | None:
    """Make the run of a moment, and start it; None where it was made before. Call with the plan's lock.

    One that is later than the workspace tolerates is dealt with as the workspace chose.
    """
    if plan.runs.filter(due_at=due).exists():
        return None
    made = SendOut(
        workspace=plan.workspace,
        channel=plan.channel,
        owner=plan.owner,
        edited_by=plan.edited_by,
        submitted_by=plan.submitted_by,
        submitted_at=due,
        plan=plan,
        due_at=due,
        scheduled_at=due,
        state=SendOut.State.WAITING,
        name=_name(plan, due),
        **{field: getattr(plan, field) for field in services.FIELDS if field not in _OF_THE_PLAN},
    )
    services.save(made, force_insert=True)
    whole = composition.whole(plan)
    composition.write(made, composition.Parts(whole.audiences, whole.exclude, whole.variants))
    links.inherit(KIND, plan.pk, made.pk)
    audit.record(
        None, "send_out.run_made", made, after={"plan": plan.pk, "due_at": due}, workspace=plan.workspace
    )
    if lateness.may_start(made, due, now):
        schedule.begin(made)
    elif made.state == SendOut.State.FAILED:
        tell_failed(made)
    return made


def _name(plan: SendOut, due: datetime) -> str:
    """“Spring 2026-05-31 09:30”; with a number where another send-out of the channel has that name."""
    rows = SendOut.objects.filter(workspace=plan.workspace_id, channel=plan.channel)
    moment = due.astimezone(zone(plan.workspace)).strftime("%Y-%m-%d %H:%M")
    taken = set(rows.filter(name__contains=moment).values_list("name", flat=True))
    endings = chain([f" {moment}"], (f" {moment} ({number})" for number in count(2)))
    return naming.first_free(plan.name, endings, taken)


def tell_failed(run: SendOut) -> None:
    """Tell its owner of a run that no job has failed for; the plan goes on. Nothing for other send-outs."""
    if run.plan is None or run.owner is None:
        return
    with translation.override(language_of(run.owner)):
        notices.notify(
            run.workspace,
            run.owner,
            _("A run has failed: %(name)s") % {"name": run.name},
            text=run.state_reason,
            url=addresses.page_of(run),
            level="error",
        )


def leave_out_served(run: SendOut) -> int:
    """Where the plan writes to everybody once, leave out whom an earlier run has written to, or is about to."""
    if run.plan is None or not run.plan.recurrence.get("only_new"):
        return 0
    # Of two runs at once the second sees what the first has left out.
    with locks.alone(f"plan:{run.plan_id}"), connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {_LEDGER} r SET state = 'filtered', reason = %(reason)s
             WHERE r.send_out_id = %(run)s AND r.state = 'queued' AND (
                   EXISTS (SELECT 1 FROM {PlanContact._meta.db_table} c
                            WHERE c.plan_id = %(plan)s AND c.person_hash = r.person_hash)
                OR EXISTS (SELECT 1 FROM {_LEDGER} q JOIN {SendOut._meta.db_table} s ON s.id = q.send_out_id
                            WHERE s.plan_id = %(plan)s AND s.id <> %(run)s
                              AND q.person_hash = r.person_hash
                              AND q.state IN ('queued', 'handing', 'handed', 'delivered', 'unknown')))
            """,
            {
                "reason": FilterReason.HAD_IT.value,
                "run": run.pk,
                "plan": run.plan_id,
            },
        )
        return int(cursor.rowcount)


def runs_of(plan: SendOut) -> list[SendOut]:
    """The runs with their figures, the newest first."""
    rows = list(SendOut.objects.filter(plan=plan).order_by("-due_at"))
    list_figures.attach(rows)
    return rows


def total(rows: Sequence[Any]) -> dict[str, int]:
    """The figures of all runs together: messages, so somebody who got two counts twice."""
    return {name: sum(getattr(row, name) for row in rows) for name in FIGURES}
