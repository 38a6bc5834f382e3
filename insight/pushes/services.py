"""Use cases of pushes: once, by schedule, again, and stopping one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, schedules, timezones
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, NotFound, PermissionDenied, ValidationFailed
from cdp.jobs import start_job
from cdp.jobs.services import active_job, cancel_job
from insight.audiences import origins, visibility
from insight.audiences.models import Audience
from insight.datasets import rights
from insight.omni import quota
from insight.pushes import fields, interfaces
from insight.pushes.models import Push, PushInterface, PushSetting
from insight.pushes.targets import TARGETS, Target

log = logging.getLogger(__name__)
RETRY = timedelta(hours=1)
OPTIONS = ("format", "skip_empty")
KNOWN = {"fields", "options"}


def push(access: Access, audience: Audience, interface: PushInterface, data: Mapping[str, Any]) -> Push:
    """Push the latest good version now. `data`: fields, options. Raises ValidationFailed, Conflict."""
    target = _allowed(access, audience, interface)
    if audience.current_id is None:
        raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
    chosen, options = _read(access, audience, target, data, KNOWN)
    row = Push(
        workspace=access.workspace,
        audience=audience,
        interface=interface,
        interface_name=interface.name,
        target=interface.target,
        fields=chosen,
        options=options,
        owner=access.user,
    )
    with transaction.atomic():
        row.save(force_insert=True)
        audit.record(access, "audience.pushed", audience, after={"interface": interface.name, "push": row.pk})
        _start(row)
    return row


def set_periodic(
    access: Access, audience: Audience, interface: PushInterface, data: Mapping[str, Any]
) -> PushSetting:
    """Push by schedule, in the place of an earlier setting. `data`: enabled, refresh, start, end, fields, options.

    Raises ValidationFailed, PermissionDenied where somebody else's setting would go.
    """
    target = _allowed(access, audience, interface)
    chosen, options = _read(access, audience, target, data, KNOWN | {"enabled", "refresh", "start", "end"})
    enabled = data.get("enabled", True)
    errors: dict[str, list[str]] = {}
    if not isinstance(enabled, bool):
        errors["enabled"] = [_("Use true or false.")]
    policy = _policy(audience, target, data.get("refresh"), errors)
    start, end = (_day(data.get(name), name, errors) for name in ("start", "end"))
    if start and end and end < start:
        errors["end"] = [_("The last day is before the first.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    with transaction.atomic():
        rows = PushSetting.objects.select_for_update().filter(audience=audience, interface=interface)
        row = rows.first()
        if row is None:
            row = PushSetting(workspace=access.workspace, audience=audience, interface=interface)
        else:
            _check_setting(access, row)
        row.enabled, row.refresh, row.start, row.end = enabled, policy, start, end
        row.fields, row.options, row.owner = chosen, options, access.user
        row.next_push_at = next_time(row)
        row.bump()
        row.save()
        audit.record(
            access,
            "audience.push_scheduled",
            audience,
            after={"interface": interface.name, "enabled": enabled, "refresh": policy},
        )
    return row


def remove_periodic(access: Access, setting: PushSetting) -> None:
    """Take a setting back; what is being pushed goes on."""
    _check_setting(access, setting)
    with transaction.atomic():
        audit.record(
            access,
            "audience.push_unscheduled",
            setting.audience,
            before={"interface": setting.interface.name},
        )
        setting.delete()


def retry(access: Access, row: Push) -> Push:
    """Push again what failed, under the same ID, so that the other side knows what it has had already."""
    _check_own(access, row)
    if row.state not in (Push.State.FAILED, Push.State.CANCELLED):
        raise Conflict(_("Only a push that has failed can be tried again."), code="push_not_failed")
    if row.interface is None:
        raise Conflict(_("The interface has been removed."), code="interface_missing")
    visibility.check_download(access, row.audience)
    interfaces.get_usable(access, row.interface_id or "")
    with transaction.atomic():
        row.state, row.message, row.error_code, row.seen = Push.State.WAITING, "", "", True
        row.save()
        audit.record(access, "audience.push_retried", row.audience, after={"push": row.pk})
        _start(row)
    return row


def cancel(access: Access, row: Push) -> None:
    """Stop a push; what the other side has had already stays there."""
    _check_own(access, row)
    job = active_job(row)
    if job is None:
        raise Conflict(_("The push has already ended."), code="job_ended")
    cancel_job(job, access)


def history(audience: Audience, *, opened: bool = False) -> Any:
    """The pushes of an audience, newest first; with `opened`, failures count as seen from now on."""
    rows = Push.objects.filter(audience=audience).select_related("owner", "interface")
    if opened:
        Push.objects.filter(audience=audience, seen=False).update(seen=True)
    return rows.order_by("-created_at")


def get(access: Access, push_id: str) -> Push:
    """Raises NotFound for pushes of audiences that the person does not see, too."""
    row = (
        Push.objects.in_workspace(access.workspace)
        .select_related("audience", "interface", "owner", "workspace")
        .filter(pk=push_id)
        .first()
    )
    if row is None or not visibility.visible(access).filter(pk=row.audience_id).exists():
        raise NotFound(_("There is no such push here."))
    return row


def start_due() -> int:
    """Start every periodic push that is due: once after a downtime, none beside one that runs.

    While the audience is being refreshed it waits, and then pushes the new version.
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
        .select_related("audience__workspace", "interface", "workspace", "owner")
        .first()
    )
    if setting is None or active_job(setting.audience) is not None:
        return 0
    PushSetting.objects.filter(pk=key).update(next_push_at=next_time(setting))
    running = Push.objects.filter(
        audience=setting.audience, interface=setting.interface, state__in=Push.ACTIVE
    )
    if running.exists():
        log.warning("The push of %s is skipped: the one before is still running.", setting)
        return 0
    row = Push.objects.create(
        workspace=setting.workspace,
        audience=setting.audience,
        interface=setting.interface,
        interface_name=setting.interface.name,
        target=setting.interface.target,
        mode=Push.Mode.PERIODIC,
        fields=setting.fields,
        options=setting.options,
        owner=setting.owner,
    )
    _start(row)
    return 1


def next_time(setting: PushSetting) -> Any:
    """When the setting is due next, inside its days; None where it never is again."""
    if not setting.enabled:
        return None
    after = timezone.now()
    today = timezones.today(setting.workspace)
    if setting.start and setting.start > today:
        zone = timezones.zone(setting.workspace)
        after = datetime.combine(setting.start, time(), tzinfo=zone) - timedelta(seconds=1)
    found = schedules.next_time(setting.refresh, setting.workspace, after)
    if found and setting.end and found.astimezone(timezones.zone(setting.workspace)).date() > setting.end:
        return None
    return found


def _start(row: Push) -> None:
    start_job(
        f"push.{row.target}",
        workspace=row.workspace,
        owner=row.owner,
        params={"push": row.pk},
        subject=row,
        title=_("Push “%(name)s” to %(interface)s")
        % {"name": row.audience.name, "interface": row.interface_name},
        dedupe_key=f"push:{row.pk}",
    )


def _allowed(access: Access, audience: Audience, interface: PushInterface) -> Target:
    """The target, where the person may push this audience there."""
    access.require(interfaces.PUSH)
    origins.require(audience, "push")
    visibility.check_download(access, audience)
    interfaces.get_usable(access, interface.pk)
    if interface.target == "omni":
        quota.check(access.workspace)
    return TARGETS[interface.target]


def owner_may(row: Push) -> bool:
    """Whether the one whose push it is may still push this audience there: asked when it runs."""
    found = rights.access_of(row.owner, row.workspace)
    if row.interface is None or not found.can(interfaces.PUSH):
        return False
    if not interfaces.usable(found).filter(pk=row.interface.pk).exists():
        return False
    return visibility.visible(found).filter(pk=row.audience_id).exists() and visibility.may_download(
        found, row.audience
    )


def may_change_setting(access: Access, setting: PushSetting) -> bool:
    """Whose schedule it is, who may change the audience, and who looks after the interfaces."""
    own = setting.owner_id is not None and setting.owner_id == access.user.pk
    return own or access.can(interfaces.MANAGE) or visibility.may_change(access, setting.audience)


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
    access: Access, audience: Audience, target: Target, data: Mapping[str, Any], known: set[str]
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
        chosen = fields.checked(access, audience, target, data.get("fields"))
    except ValidationFailed as error:
        errors |= {path: [str(text) for text in found] for path, found in error.errors.items()}
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    kept = {"skip_empty": bool(options.get("skip_empty", False)), **({"format": form} if formats else {})}
    return chosen, kept


def _policy(audience: Audience, target: Target, given: Any, errors: dict[str, list[str]]) -> dict[str, Any]:
    wanted = given if given is not None else {"every": "day", "at": target.fixed_time or "05:00"}
    if isinstance(wanted, dict) and target.fixed_time:
        wanted = {**wanted, "at": target.fixed_time}
    try:
        policy = schedules.check(wanted, target.cycles)
    except DomainError as error:
        errors.update({path: [str(text) for text in found] for path, found in error.errors.items()})
        return {}
    if policy["every"] == "hour" and not fields.all_user_tags(audience):
        errors["refresh/every"] = [
            _("By the hour only audiences are pushed that are made from user tags alone.")
        ]
    return policy


def _day(given: Any, name: str, errors: dict[str, list[str]]) -> date | None:
    if given in (None, ""):
        return None
    try:
        return given if type(given) is date else date.fromisoformat(str(given))
    except ValueError:
        errors[name] = [_("Give a day such as 2026-01-31.")]
        return None
