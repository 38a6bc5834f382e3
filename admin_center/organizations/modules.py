"""Modules of the product that an organization can switch off: nobody there sees them any more, and their data stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.organizations.models import Organization
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.registry import Registry


@dataclass(frozen=True)
class Module:
    """`depends` says what else stops working without it."""

    key: str
    label: Any
    depends: Any = ""


MODULES: Registry[Module] = Registry("module")
"""Those that can be switched off; they register themselves in AppConfig.ready."""


def is_off(organization: Organization, key: str) -> bool:
    return key in organization.modules_off


def message(key: str) -> str:
    """What people read who come upon a module that is off."""
    return _("“%(module)s” is switched off in your organization. One of its managers can switch it on.") % {
        "module": MODULES[key].label
    }


def check(organization: Organization, key: str) -> None:
    """Raises Conflict (module_off) where the module is off."""
    if is_off(organization, key):
        raise Conflict(message(key), code="module_off")


def states(organization: Organization) -> list[dict[str, Any]]:
    """`[{"key", "label", "depends", "on"}]`."""
    return [
        {
            "key": module.key,
            "label": str(module.label),
            "depends": str(module.depends),
            "on": not is_off(organization, module.key),
        }
        for module in MODULES
    ]


@transaction.atomic
def switch(organization: Organization, wanted: Mapping[str, Any], *, access: Access | None = None) -> None:
    """Switch modules on (key → true) or off (false); those not named stay. Raises ValidationFailed."""
    errors = {str(key): [_("There is no such module.")] for key in wanted if key not in MODULES}
    errors |= {
        key: [_("Give true or false.")]
        for key, on in wanted.items()
        if key in MODULES and not isinstance(on, bool)
    }
    if errors:
        raise ValidationFailed(errors=errors)
    locked = Organization.objects.select_for_update().get(pk=organization.pk)
    before = list(locked.modules_off)
    after = [module.key for module in MODULES if not wanted.get(module.key, module.key not in before)]
    organization.modules_off = locked.modules_off = after
    if after == before:
        return
    locked.save(update_fields=["modules_off", "updated_at"])
    audit.record(
        access, "organization.modules_switched", locked, before={"off": before}, after={"off": after}
    )
