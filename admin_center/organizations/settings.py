"""The settings of a workspace, typed: limits on work, masking of IDs, quiet hours, caps on messages, send-outs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from django.db import transaction
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from admin_center.organizations.models import Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.core.registry import Registry

listeners: Registry[Callable[[Workspace, dict[str, Any]], None]] = Registry("listener to workspace settings")
"""Called in the transaction of a change with the workspace and the values that are new."""
Cap = Annotated[int, Field(ge=1, le=10_000)] | None
LEAST_RECIPIENT_DAYS = 7
Quota = Annotated[int, Field(ge=0, le=1_000_000)] | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class QuietHours(_Part):
    """Hours of the day, in the workspace's time zone, in which nobody gets marketing messages."""

    enabled: bool = False
    start: time = time(21, 0)
    end: time = time(9, 0)
    action: Literal["delay", "skip"] = "delay"

    def until(self, moment: datetime) -> datetime | None:
        """When the quiet hours around `moment` (aware, in the workspace's zone) end; None outside of them."""
        clock = moment.timetz().replace(tzinfo=None)
        overnight = self.start > self.end
        inside = (clock >= self.start or clock < self.end) if overnight else self.start <= clock < self.end
        if not self.enabled or not inside:
            return None
        day = moment.date() + timedelta(days=1 if overnight and clock >= self.start else 0)
        return datetime.combine(day, self.end, tzinfo=moment.tzinfo)


class MessageCap(_Part):
    """The most messages that one person gets on a channel in a day and in seven days; None means no limit."""

    per_day: Cap = None
    per_week: Cap = None


class Caps(_Part):
    sms: MessageCap = MessageCap()
    email: MessageCap = MessageCap()
    push: MessageCap = MessageCap()
    custom: MessageCap = MessageCap()


class SendApproval(_Part):
    """Send-outs to more people than `above` leave only once a second person has approved them."""

    enabled: bool = False
    above: int = Field(0, ge=0, le=1_000_000_000)


class LateSendOuts(_Part):
    """What happens to a scheduled send-out that is found more than `hours` after its time."""

    hours: int = Field(24, ge=0, le=72)
    action: Literal["send", "skip", "ask"] = "skip"


class SendOutQuotas(_Part):
    """The most send-outs that a workspace has on a channel, failed ones included; None means no limit.

    `materials_mb`: how many megabytes its material library holds.
    """

    sms: Quota = None
    email: Quota = None
    push: Quota = None
    custom: Quota = None
    materials_mb: Quota = None


class WorkspaceSettings(_Part):
    """`update_concurrency`: how many scheduled updates run at once. `push_concurrency`: how many pushes to systems of a
    kind. `aipl_update`, `rfm_update`: when models are computed each day. `shown_in_full`: ID types that are not masked.
    `recipients_days`: how long the recipients of send-outs are kept after their end.
    """

    update_concurrency: int = Field(3, ge=1, le=10)
    push_concurrency: int = Field(3, ge=1, le=5)
    aipl_update: time = time(3, 0)
    rfm_update: time = time(5, 0)
    shown_in_full: tuple[str, ...] = ()
    recipients_days: int = Field(LEAST_RECIPIENT_DAYS, ge=LEAST_RECIPIENT_DAYS, le=90)
    quiet_hours: QuietHours = QuietHours()
    caps: Caps = Caps()
    approval: SendApproval = SendApproval()
    late: LateSendOuts = LateSendOuts()
    quotas: SendOutQuotas = SendOutQuotas()

    @field_validator("shown_in_full")
    @classmethod
    def _known_types(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [key for key in value if key not in ID_TYPES]
        if unknown:
            raise ValueError(_("“%(key)s” is no ID type.") % {"key": unknown[0]})
        return tuple(sorted(set(value)))

    def is_masked(self, id_type: str) -> bool:
        """Whether IDs of this type are masked for people who may not see them in full."""
        return id_type not in self.shown_in_full


def workspace_settings(workspace: Workspace) -> WorkspaceSettings:
    """The settings in force. What was never set has its default."""
    return WorkspaceSettings.model_validate(workspace.settings)


@transaction.atomic
def update_settings(
    workspace: Workspace, changes: dict[str, Any], *, access: Access | None = None
) -> WorkspaceSettings:
    """Change some settings; nested parts may be given in part as well.

    Raises ValidationFailed with the paths ("quiet_hours/start") of values that are not allowed, and of unknown names.
    """
    row = Workspace.objects.select_for_update().get(pk=workspace.pk)
    before = workspace_settings(row).model_dump(mode="json")
    merged = _merged(before, changes)
    try:
        after = WorkspaceSettings.model_validate(merged).model_dump(mode="json")
    except ValidationError as error:
        raise ValidationFailed(_("The settings were not saved."), errors=_errors(error)) from None
    changed = [key for key in after if before[key] != after[key]]
    if changed:
        row.settings = {**row.settings, **after}
        row.bump()
        row.save(update_fields=["settings", "edit_version", "updated_at"])
        for listener in listeners:
            listener(row, {key: after[key] for key in changed})
        audit.record(
            access,
            "workspace.settings_changed",
            row,
            before={key: before[key] for key in changed},
            after={key: after[key] for key in changed},
            workspace=row,
        )
    workspace.settings, workspace.edit_version = row.settings, row.edit_version
    return workspace_settings(workspace)


def _merged(old: dict[str, Any], changes: dict[str, Any], path: str = "") -> dict[str, Any]:
    merged = dict(old)
    for key, value in changes.items():
        if key not in old:
            message = _("There is no such setting.")
            raise ValidationFailed(message, errors={f"{path}{key}": [message]})
        nested = isinstance(value, dict) and isinstance(old[key], dict)
        merged[key] = _merged(old[key], value, f"{path}{key}/") if nested else value
    return merged


def _errors(error: ValidationError) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in error.errors():
        path = "/".join(str(part) for part in problem["loc"])
        found.setdefault(path, []).append(_message(problem["type"], problem.get("ctx", {})))
    return found


def _message(kind: str, context: dict[str, Any]) -> str:
    """Pydantic's messages exist in English only."""
    if kind in ("greater_than_equal", "less_than_equal"):
        limit = context.get("ge", context.get("le"))
        least = kind == "greater_than_equal"
        return (_("Use %(n)s or more.") if least else _("Use %(n)s or less.")) % {"n": limit}
    if kind.startswith("int_"):
        return _("Use a whole number.")
    if kind.startswith("time_"):
        return _("Use a time of day such as 21:00.")
    if kind == "literal_error":
        return _("Use one of %(values)s.") % {"values": context["expected"]}
    if kind == "value_error":
        return str(context["error"])
    return _("This value is not allowed here.")
