"""Registering devices, finding those of people, and striking off those that are gone."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.devices import encryption, sites
from marketing.devices.models import PushDevice, PushDeviceId

MOST_DEVICES = 20
"""Of one person on one channel; the one that was seen longest ago makes room."""
MOST_FAILURES = 3
"""After so many failures in a row nobody waits for a device's push service."""
LONGEST_TOKEN = 4096
FORMS: tuple[Literal["md5", "sha256"], ...] = ("md5", "sha256")
"""In which forms, besides the plain one, devices are found by the IDs of their people."""
PERMISSION = "marketing.accounts.manage"
_AGENTS = (
    ("Edge", r"Edg/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/"),
    ("Chrome", r"Chrom(e|ium)/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iOS", r"iPhone|iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X"),
    ("Linux", r"Linux"),
)


def agent_class(user_agent: str) -> str:
    """Browser and system by name, without anything that tells one machine from another."""
    found = (
        next((name for name, pattern in known if re.search(pattern, user_agent)), "")
        for known in (_AGENTS, _SYSTEMS)
    )
    return " · ".join(name for name in found if name)


def register(
    provider: Provider, kind: str, address: Mapping[str, Any], ids: Mapping[str, str], *, agent: str = ""
) -> PushDevice:
    """A device and whose it is: what was known of the same device before is replaced. Raises ValidationFailed.

    `address`: `endpoint`, `p256dh` and `auth` of a browser, `token` of an app. `ids`: by their types.
    """
    errors: dict[str, list[str]] = {}
    if kind not in PushDevice.Kind.values:
        errors["kind"] = [_("Choose one of the list.")]
    known = _ids(provider, ids, errors)
    checked = _browser(address, errors) if kind == PushDevice.Kind.WEB else _token(address, errors)
    if kind != provider_type(provider).devices:
        errors.setdefault("kind", [_("This channel does not write to devices of this kind.")])
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    with transaction.atomic():
        device, _created = PushDevice.objects.update_or_create(
            provider=provider,
            address_hash=_address_hash(provider, checked),
            defaults={
                "workspace_id": provider.workspace_id,
                "kind": kind,
                "address": checked,
                "agent": agent[:40],
                "enabled": True,
                "off_reason": "",
                "failures": 0,
                "last_seen": timezone.now(),
            },
        )
        device.ids.all().delete()
        PushDeviceId.objects.bulk_create(PushDeviceId(device=device, **row) for row in known)
        for row in known:
            _make_room(provider, row["id_type"], row["person_hash"])
    return device


def _ids(provider: Provider, ids: Mapping[str, str], errors: dict[str, list[str]]) -> list[dict[str, str]]:
    found = []
    for key, value in ids.items():
        kind = ID_TYPES.get(key)
        normalised = kind.normalise(value) if kind and isinstance(value, str) else None
        if kind is None or normalised is None:
            errors[f"ids/{key}"] = [_("This is not a valid ID of this type.")]
            continue
        row = {"id_type": key, "masked": kind.mask(normalised)}
        forms = {"person": normalised, **{form: kind.hash(normalised, form) for form in FORMS}}
        for form, value_in_form in forms.items():
            row[f"{form}_hash"] = target_hash(provider.workspace_id, provider.channel, value_in_form)
        found.append(row)
    if not ids:
        errors["ids"] = [_("Give at least one ID of the person.")]
    return found


def _browser(address: Mapping[str, Any], errors: dict[str, list[str]]) -> dict[str, str]:
    found = {name: str(address.get(name) or "") for name in ("endpoint", "p256dh", "auth")}
    try:
        sites.check_endpoint(found["endpoint"])
    except (ValidationFailed, ValueError) as error:
        errors["endpoint"] = [str(error)]
    try:
        encryption.public_key(encryption.unb64(found["p256dh"]))
        right = len(encryption.unb64(found["auth"])) == 16
    except ValueError:
        right = False
    if not right:
        errors["keys"] = [_("These are not the keys of a push subscription.")]
    return found


def _token(address: Mapping[str, Any], errors: dict[str, list[str]]) -> dict[str, str]:
    token = str(address.get("token") or "").strip()
    if not token or len(token) > LONGEST_TOKEN:
        errors["token"] = [_("Give the token of the app's installation.")]
    return {"token": token}


def _address_hash(provider: Provider, address: Mapping[str, str]) -> str:
    same = "\n".join((provider.pk, address.get("endpoint") or address.get("token") or ""))
    return hmac.digest(settings.HASH_KEY.encode(), same.encode(), "sha256").hex()


def _make_room(provider: Provider, id_type: str, person_hash: str) -> None:
    rows = reachable(provider).filter(ids__id_type=id_type, ids__person_hash=person_hash)
    surplus = list(rows.order_by("-last_seen", "-pk").values_list("pk", flat=True)[MOST_DEVICES:])
    if surplus:
        _switch_off(PushDevice.objects.filter(pk__in=surplus), PushDevice.Off.TOO_MANY)


def reachable(provider: Provider) -> QuerySet[PushDevice]:
    """Devices that messages of the channel go to."""
    return PushDevice.objects.filter(provider=provider, enabled=True)


def devices_of(provider: Provider, id_type: str, hashes: Sequence[str]) -> dict[str, list[PushDevice]]:
    """The devices of people by the hashes of their IDs."""
    rows = PushDeviceId.objects.filter(
        device__in=reachable(provider), id_type=id_type, person_hash__in=hashes
    )
    found: dict[str, list[PushDevice]] = {}
    for row in rows.select_related("device").order_by("device_id"):
        found.setdefault(row.person_hash, []).append(row.device)
    return found


def owners(provider: Provider, id_type: str, form: str, hashes: Iterable[str]) -> dict[str, str]:
    """Of hashed IDs, by their keyed hashes: the hash that the people with a device are known by everywhere else."""
    column = f"{form}_hash"
    rows = PushDeviceId.objects.filter(
        device__in=reachable(provider), id_type=id_type, **{f"{column}__in": set(hashes)}
    )
    return dict(rows.order_by().values_list(column, "person_hash").distinct())


def with_device(
    provider: Provider, id_type: str, targets: Iterable[str | None], form: str = "plain"
) -> set[str]:
    """The hashes of those of the IDs, normalised in their form, that have a device."""
    hashes = {target_hash(provider.workspace_id, provider.channel, target) for target in targets if target}
    if form != "plain":
        return set(owners(provider, id_type, form, hashes).values())
    rows = PushDeviceId.objects.filter(
        device__in=reachable(provider), id_type=id_type, person_hash__in=hashes
    )
    return set(rows.order_by().values_list("person_hash", flat=True))


def search(rows: QuerySet[PushDevice], text: str, workspace: Any) -> QuerySet[PushDevice]:
    """Devices of whoever has exactly this ID, of whatever type it is."""
    forms = {kind.normalise(text) for kind in ID_TYPES.values()} - {None}
    hashes = [target_hash(workspace.pk, Provider.Channel.PUSH, str(value)) for value in forms]
    return rows.filter(pk__in=PushDeviceId.objects.filter(person_hash__in=hashes).values("device"))


# Striking off


def note(*, gone: Sequence[PushDevice], busy: Sequence[PushDevice], taken: Sequence[PushDevice]) -> None:
    """What push services made of devices: not known any more, not taken just now, taken again after failures."""
    _switch_off(_rows(gone), PushDevice.Off.GONE)
    _rows(busy).filter(failures__lt=MOST_FAILURES).update(failures=F("failures") + 1)
    _rows(taken).update(failures=0)


def _rows(devices: Sequence[PushDevice]) -> QuerySet[PushDevice]:
    return PushDevice.objects.filter(pk__in=[device.pk for device in devices])


def withdraw(provider: Provider, endpoint: str, auth: str) -> None:
    """The person wants no more messages on this browser. Without the keys of its subscription nothing happens."""
    digest = _address_hash(provider, {"endpoint": endpoint})
    device = PushDevice.objects.filter(provider=provider, address_hash=digest, enabled=True).first()
    if device is not None and hmac.compare_digest(str(device.address.get("auth")).encode(), auth.encode()):
        _switch_off(PushDevice.objects.filter(pk=device.pk), PushDevice.Off.WITHDRAWN)


def switch_off(access: Access, device: PushDevice) -> None:
    """No more messages to the device, until it registers again."""
    access.require(PERMISSION)
    if _switch_off(PushDevice.objects.filter(pk=device.pk, enabled=True), PushDevice.Off.BY_HAND):
        audit.record(access, "push_device.switched_off", device, before={"ids": device.masked_ids})


def forget(access: Access, device: PushDevice) -> None:
    """Remove the device with everything known of it."""
    access.require(PERMISSION)
    audit.record(access, "push_device.removed", device, before={"ids": device.masked_ids})
    device.delete()


def _switch_off(rows: QuerySet[PushDevice], reason: str) -> int:
    return rows.update(enabled=False, off_reason=reason, updated_at=timezone.now())
