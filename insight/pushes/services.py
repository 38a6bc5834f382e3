"""Use cases of pushes: once, by schedule, again, and stopping one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from cdp.jobs import start_job
from cdp.jobs.services import active_job, cancel_job
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.datasets import rights
from insight.datasets.models import Dataset
from insight.omni import quota
from insight.pushes import fields, interfaces, sources
from insight.pushes.campaign_links import KIND
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS, Target

log = logging.getLogger(__name__)
RETRY = timedelta(hours=1)
OPTIONS = ("format", "skip_empty")
KNOWN = {"fields", "options", "campaigns"}
Subject = Audience | Dataset
"""What is pushed: an audience, or a dataset that is an AIPL model."""


def push(access: Access, subject: Subject, interface: PushInterface, data: Mapping[str, Any]) -> Push:
    """Push the latest good version now. `data`: fields, options, campaigns (IDs). Raises ValidationFailed, Conflict."""
    source = sources.of(subject)
    target = _allowed(access, source, interface)
    source.check_ready()
    chosen, options = _read(access, source, target, data, KNOWN)
    campaigns = links.checked(access, data["campaigns"]) if "campaigns" in data else []
    row = _new(source, interface, access.workspace, access.user, chosen, options)
    with transaction.atomic():
        row.save(force_insert=True)
        audit.record(
            access, action(row, "pushed"), subject, after={"interface": interface.name, "push": row.pk}
        )
        links.link(access, KIND, row, campaigns)
        _start(row)
    return row


def _new(
    source: sources.Source, interface: PushInterface, workspace: Any, owner: Any, chosen: Any, options: Any
) -> Push:
    return Push(
        workspace=workspace,
        interface=interface,
        interface_name=interface.name,
        target=interface.target,
        fields=chosen,
        options=options,
        owner=owner,
        **{source.field: source.subject},
    )


def action(row: Push | PushSetting, word: str) -> str:
    """What is done with a push, as the audit log has it: "audience.pushed", "dataset.pushed"."""
    return f"{sources.of(row.subject).field}.{word}"


def set_periodic(
    access: Access, subject: Subject, interface: PushInterface, data: Mapping[str, Any]
) -> PushSetting:
    """Push by schedule, in the place of an earlier setting. `data`: enabled, refresh, start, end, fields, options,
    campaigns (those it had stay where none are given).

    Raises ValidationFailed, PermissionDenied where somebody else's setting would go.
    """
    source = sources.of(subject)
    target = _allowed(access, source, interface)
    chosen, options = _read(access, source, target, data, KNOWN | {"enabled", "refresh", "start", "end"})
    enabled = data.get("enabled", True)
    errors: dict[str, list[str]] = {}
    if not isinstance(enabled, bool):
        errors["enabled"] = [_("Use true or false.")]
    policy = source.policy(target, data.get("refresh"), errors)
    start, end = (_day(data.get(name), name, errors) for name in ("start", "end"))
    if start and end and end < start:
        errors["end"] = [_("The last day is before the first.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    campaigns = links.checked(access, data["campaigns"]) if "campaigns" in data else None
    with transaction.atomic():
        key = {source.field: subject, "interface": interface}
        row = PushSetting.objects.select_for_update().filter(**key).first()
        if row is None:
            row = PushSetting(workspace=access.workspace, **key)
        else:
            _check_setting(access, row)
        row.enabled, row.refresh, row.start, row.end = enabled, policy, start, end
        row.fields, row.options, row.owner = chosen, options, access.user
        row.next_push_at = next_time(row)
        row.bump()
        row.save()
        audit.record(
            access,
            action(row, "push_scheduled"),
            subject,
            after={"interface": interface.name, "enabled": enabled, "refresh": policy},
        )
        if campaigns is not None:
            links.link(access, KIND, row, campaigns)
    return row


def remove_periodic(access: Access, setting: PushSetting) -> None:
    """Take a setting back; what is being pushed goes on."""
    _check_setting(access, setting)
    with transaction.atomic():
        audit.record(
            access,
            action(setting, "push_unscheduled"),
            setting.subject,
            before={"interface": setting.interface.name},
        )
        links.forget(KIND, str(setting.pk))
        setting.delete()


def retry(access: Access, row: Push) -> Push:
    """Push again what failed, under the same ID, so that the other side knows what it has had already."""
    _check_own(access, row)
    if row.state not in (Push.State.FAILED, Push.State.CANCELLED):
        raise Conflict(_("Only a push that has failed can be tried again."), code="push_not_failed")
    if row.interface is None:
        raise Conflict(_("The interface has been removed."), code="interface_missing")
    sources.of(row.subject).check(access)
    interfaces.get_usable(access, row.interface_id or "")
    with transaction.atomic():
        row.state, row.message, row.error_code, row.seen = Push.State.WAITING, "", "", True
        row.save()
        audit.record(access, action(row, "push_retried"), row.subject, after={"push": row.pk})
        _start(row)
    return row


def cancel(access: Access, row: Push) -> None:
    """Stop a push; what the other side has had already stays there."""
    _check_own(access, row)
    job = active_job(row)
    if job is None:
        raise Conflict(_("The push has already ended."), code="job_ended")
    cancel_job(job, access)


def history(subject: Subject, *, opened: bool = False) -> Any:
    """The pushes of an audience or a model, newest first; with `opened`, failures count as seen from now on."""
    rows = Push.objects.filter(**{sources.of(subject).field: subject})
    if opened:
        rows.filter(seen=False).update(seen=True)
    return rows.select_related("owner", "interface", "audience", "dataset").order_by("-created_at")


def get(access: Access, push_id: str) -> Push:
    """Raises NotFound for pushes of what the person does not see, too."""
    row = (
        Push.objects.in_workspace(access.workspace)
        .select_related("audience__workspace", "dataset__workspace", "interface", "owner", "workspace")
        .filter(sources.visible(access), pk=push_id)
        .first()
    )
    if row is None:
        raise NotFound(_("There is no such push here."))
    return row


def start_due() -> int:
    """Start every periodic push that is due: once after a downtime, none beside one that runs.

    While the audience or model is being refreshed it waits, and then pushes the new version.
    """
    started, now = 0, timezone.now()
    for key in PushSetting.objects.filter(next_push_at__lte=now).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                started += _start_due(key, now)
        except Exception:
            log.exception("The periodic push %s could not be started.", key)
            PushSetting.objects.filter(pk=key).update(next_push_at=now + RETRY)
    return started


def _start_due(key: int, now: Any) -> int:
    rows = PushSetting.objects.select_for_update(skip_locked=True, of=("self",))
    setting = (
        rows.filter(pk=key, next_push_at__lte=now)
        .select_related("audience__workspace", "dataset__workspace", "interface", "workspace", "owner")
        .first()
    )
    if setting is None or active_job(setting.subject) is not None:
        return 0
    source = sources.of(setting.subject)
    if not source.is_due(setting):
        if source.is_over(setting):
            PushSetting.objects.filter(pk=key).update(next_push_at=None)
        return 0
    PushSetting.objects.filter(pk=key).update(next_push_at=source.time_after(setting))
    running = Push.objects.filter(
        **{source.field: setting.subject}, interface=setting.interface, state__in=Push.ACTIVE
    )
    if running.exists():
        log.warning("The push of %s is skipped: the one before is still running.", setting)
        return 0
    row = _new(source, setting.interface, setting.workspace, setting.owner, setting.fields, setting.options)
    row.mode = Push.Mode.PERIODIC
    row.save(force_insert=True)
    _start(row)
    return 1


def next_time(setting: PushSetting) -> Any:
    """When the setting is due next, inside its days; None where it never is again."""
    return sources.of(setting.subject).next_time(setting) if setting.enabled else None


def _start(row: Push) -> None:
    start_job(
        f"push.{row.target}",
        workspace=row.workspace,
        owner=row.owner,
        params={"push": row.pk},
        subject=row,
        title=_("Push “%(name)s” to %(interface)s")
        % {"name": row.subject.name, "interface": row.interface_name},
        dedupe_key=f"push:{row.pk}",
    )


def _allowed(access: Access, source: sources.Source, interface: PushInterface) -> Target:
    """The target, where the person may push this there."""
    access.require(interfaces.PUSH)
    source.check(access)
    interfaces.get_usable(access, interface.pk)
    target = TARGETS[interface.target]
    if reason := source.takes(target):
        raise ValidationFailed(reason, errors={"interface": [reason]})
    if interface.target == "omni":
        quota.check(access.workspace)
    return target


def owner_may(row: Push) -> bool:
    """Whether the one whose push it is may still push this there: asked when it runs."""
    found = rights.access_of(row.owner, row.workspace)
    if row.interface is None or not found.can(interfaces.PUSH):
        return False
    if not interfaces.usable(found).filter(pk=row.interface.pk).exists():
        return False
    return sources.of(row.subject).may(found)


def may_change_setting(access: Access, setting: PushSetting) -> bool:
    """Whose schedule it is, who may change the audience or model, and who looks after the interfaces."""
    own = setting.owner_id is not None and setting.owner_id == access.user.pk
    return own or access.can(interfaces.MANAGE) or sources.of(setting.subject).may_change(access)


def _check_setting(access: Access, setting: PushSetting) -> None:
    if not may_change_setting(access, setting):
        raise PermissionDenied(
            _(
                "Somebody else pushes this audience there by schedule. Only they, or its owner, can change that."
            )
        )


def _check_own(access: Access, row: Push) -> None:
    if row.owner_id != access.user.pk and not access.can(interfaces.MANAGE):
        raise PermissionDenied(
            _("Only the person who pushed, or somebody who manages interfaces, can do this.")
        )


def _read(
    access: Access, source: sources.Source, target: Target, data: Mapping[str, Any], known: set[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    errors = {str(key): [_("Unknown field.")] for key in set(data) - known}
    options = data.get("options") or {}
    if not isinstance(options, Mapping) or set(options) - set(OPTIONS):
        errors["options"] = [_("Give format and skip_empty only.")]
        options = {}
    formats = [key for key, _label in target.formats]
    form = options.get("format", formats[0] if formats else "")
    if formats and form not in formats:
        errors["options/format"] = [_("Choose one of %(types)s.") % {"types": ", ".join(formats)}]
    if not isinstance(options.get("skip_empty", False), bool):
        errors["options/skip_empty"] = [_("Use true or false.")]
    chosen: list[dict[str, Any]] = []
    try:
        chosen = fields.checked(access, source.subject, target, data.get("fields"))
    except ValidationFailed as error:
        errors |= {path: [str(text) for text in found] for path, found in error.errors.items()}
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    kept = {"skip_empty": bool(options.get("skip_empty", False)), **({"format": form} if formats else {})}
    return chosen, kept


def _day(given: Any, name: str, errors: dict[str, list[str]]) -> date | None:
    if given in (None, ""):
        return None
    try:
        return given if type(given) is date else date.fromisoformat(str(given))
    except ValueError:
        errors[name] = [_("Give a day such as 2026-01-31.")]
        return None
