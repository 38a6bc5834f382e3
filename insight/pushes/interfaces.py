"""Use cases of push interfaces: systems outside, and who may push to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.permissions import grantees
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, PreconditionFailed, ValidationFailed
from cdp.core.outbound import check_url
from insight.pushes.models import InterfaceGrant, PushInterface, PushSetting
from insight.pushes.targets import TARGETS, PushError, Target
from insight.pushes.targets.base import ConfigField

KEPT = "••••••"
"""What a form or API client sends back for a secret that shall stay as it is."""
SECRETS = ("secret", "long_secret")
MANAGE, PUSH = "insight.push.manage", "insight.push"


def usable(access: Access) -> QuerySet[PushInterface]:
    """The interfaces that the person may push to: all for those who manage them, the granted ones for others."""
    rows: QuerySet[PushInterface] = PushInterface.objects.in_workspace(access.workspace)
    if access.can(MANAGE):
        return rows
    if not access.can(PUSH):
        return rows.none()
    granted = InterfaceGrant.objects.in_workspace(access.workspace).filter(grantees.of_person(access.user))
    return rows.filter(pk__in=granted.values("interface"))


def get_usable(access: Access, interface_id: str) -> PushInterface:
    row = usable(access).filter(pk=interface_id).first()
    if row is None:
        raise NotFound(_("There is no such interface here, or you have no right to push to it."))
    return row


def target_of(interface: PushInterface) -> Target:
    return TARGETS[interface.target]


def create(access: Access, values: Mapping[str, Any]) -> PushInterface:
    """A new interface; it is saved only when its test passes. `values`: name, target, config.

    Raises ValidationFailed (paths such as config/topic), PushError from the test.
    """
    interface = PushInterface(workspace=access.workspace, created_by=access.user)
    if values.get("target") not in TARGETS:
        message = _("Choose one of %(types)s.") % {"types": ", ".join(TARGETS.keys())}
        raise ValidationFailed(message, errors={"target": [message]})
    interface.target = str(values["target"])
    _assign(interface, values)
    _test(interface)
    _save(interface)
    audit.record(
        access,
        "push_interface.created",
        interface,
        after={"name": interface.name, "target": interface.target},
    )
    return interface


def update(
    access: Access, interface: PushInterface, values: Mapping[str, Any], *, edit_version: int | None = None
) -> PushInterface:
    """Change name and settings, after a passed test. Secrets that are not given, or given as dots, are kept."""
    if edit_version is not None and edit_version != interface.edit_version:
        raise PreconditionFailed()
    if values.get("target", interface.target) != interface.target:
        raise ValidationFailed(errors={"target": [_("The kind of an interface cannot be changed.")]})
    _assign(interface, values)
    _test(interface)
    interface.bump()
    _save(interface)
    audit.record(access, "push_interface.changed", interface, after={"fields": sorted(values)})
    return interface


def test(access: Access, interface: PushInterface) -> str:
    """Try an interface as it is saved; what was seen. Raises PushError."""
    found = target_of(interface).test(interface.config)
    PushInterface.objects.filter(pk=interface.pk).update(tested_at=timezone.now())
    audit.record(access, "push_interface.tested", interface)
    return found


def blockers(interface: PushInterface) -> list[str]:
    """What is pushed there by schedule."""
    rows = PushSetting.objects.filter(interface=interface).select_related("audience", "dataset")
    return [_("Periodic push of “%(name)s”") % {"name": row.subject.name} for row in rows]


def delete(access: Access, interface: PushInterface) -> None:
    """Remove an interface that nothing is pushed to by schedule. The history of pushes stays."""
    found = blockers(interface)
    if found:
        raise Conflict(
            _("The interface is still used: %(names)s.") % {"names": ", ".join(found[:10])}, code="in_use"
        )
    with transaction.atomic():
        audit.record(access, "push_interface.deleted", interface, before={"name": interface.name})
        interface.delete()


def grant(access: Access, interface: PushInterface, data: Mapping[str, Any]) -> InterfaceGrant:
    """Let a person (`user`), everybody with a role (`role`) or a group (`group`) push there, until `expires_at`."""
    errors: dict[str, list[str]] = {
        str(key): [_("Unknown field.")] for key in set(data) - {*grantees.KINDS, "expires_at"}
    }
    expires = grantees.expiry(data.get("expires_at"), errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    grantee = grantees.find(access, data, None)
    with transaction.atomic():
        row, _made = InterfaceGrant.objects.update_or_create(
            workspace=access.workspace,
            interface=interface,
            **grantee,
            defaults={"expires_at": expires},
        )
        audit.record(access, "push_interface.granted", interface, after=row.told())
    return row


def revoke(access: Access, row: InterfaceGrant) -> None:
    """Take a grant back; periodic pushes of the person stop with their next run."""
    with transaction.atomic():
        audit.record(access, "push_interface.grant_revoked", row.interface, before=row.told())
        row.delete()


def shown_config(interface: PushInterface) -> dict[str, Any]:
    """The settings without secrets: a secret that is set shows as dots."""
    config = interface.config or {}
    return {
        item.name: (KEPT if config.get(item.name) else "")
        if item.kind in SECRETS
        else config.get(item.name, item.default)
        for item in target_of(interface).fields
    }


def _assign(interface: PushInterface, values: Mapping[str, Any]) -> None:
    errors: dict[str, list[str]] = {
        str(name): [_("Unknown field.")] for name in set(values) - {"name", "target", "config"}
    }
    name = values.get("name", interface.name)
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 64:
        errors["name"] = [_("Give a name of 1 to 64 characters.")]
    else:
        interface.name = name.strip()
    given = values.get("config", {})
    if not isinstance(given, Mapping):
        raise ValidationFailed(errors={"config": [_("An object is needed here.")]})
    target, old = target_of(interface), interface.config or {}
    known = {item.name for item in target.fields}
    errors |= {f"config/{key}": [_("Unknown field.")] for key in set(given) - known}
    config: dict[str, Any] = {}
    for item in target.fields:
        value = given.get(item.name, old.get(item.name, item.default))
        if item.kind in SECRETS and value in (KEPT, None):
            value = old.get(item.name, "")
        problem = _problem(item, value)
        if problem:
            errors[f"config/{item.name}"] = [problem]
        config[item.name] = int(value) if item.kind == "number" and not problem else value
    if not errors:
        errors = {f"config/{key}": [text] for key, text in target.check(config).items()}
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    interface.config = config


def _problem(item: ConfigField, value: Any) -> str:
    if value in ("", None):
        return _("This is needed.") if item.required else ""
    if item.kind == "number":
        fits = str(value).isascii() and str(value).isdigit() and 0 < int(value) < 65_536
        return "" if fits and not isinstance(value, bool) else _("A whole number from 1 to 65535.")
    if not isinstance(value, str) or len(value) > 5000:
        return _("This must be text.")
    if item.kind != "long_secret" and any(ord(character) < 32 for character in value):
        return _("Line breaks and other control characters are not allowed here.")
    if item.kind == "choice" and value not in {key for key, _label in item.choices}:
        return _("Choose one of the list.")
    if item.kind == "url":
        try:
            check_url(value)
        except ValidationFailed as error:
            return str(error)
    return ""


def _test(interface: PushInterface) -> None:
    try:
        target_of(interface).test(interface.config)
    except PushError as error:
        raise ValidationFailed(str(error), code=error.code, errors={"config": [str(error)]}) from None
    interface.tested_at = timezone.now()


def _save(interface: PushInterface) -> None:
    try:
        with transaction.atomic():
            interface.save()
    except IntegrityError as error:
        if "push_interface_name_unique" not in str(error):
            raise
        message = _("Another interface has this name.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
