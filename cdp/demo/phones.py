"""The members' app on Android and iOS, which the sandbox's push services write to, and the phones that have it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from django.conf import settings

from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from cdp.demo.steps import one
from insight.audiences import gathering
from insight.audiences.models import Audience
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.delivery import targeting
from marketing.devices import registry
from marketing.devices.models import PushDevice

ANDROID, IOS = "会员 App（FCM）", "会员 App（APNs）"
PHONES = 24
REACTIONS = ("shown", "clicked", "shown", "closed")


def android(access: Access, audience: Audience) -> Provider:
    """The app for Android, known by IMEI, on the phones of some of the audience."""

    def make() -> Provider:
        config = {
            "service_account": json.dumps(_sandbox("/fcm/service-account")),
            "base_url": f"{settings.SANDBOX_URL}/fcm",
            "id_type": "imei",
            "own_display": True,
        }
        values = {"channel": "push", "type": "fcm_android", "name": ANDROID, "config": config}
        return channels.create_provider(access, values)

    app: Provider = one(Provider, access, make, name=ANDROID)
    _install(app, audience, "imei", PushDevice.Kind.ANDROID, "/fcm/devices")
    return app


def ios(access: Access, audience: Audience) -> Provider:
    """The app for iOS, where people sign in with their mobile number."""

    def make() -> Provider:
        config = {**_sandbox("/apns/key"), "id_type": "mobile"}
        values = {"channel": "push", "type": "apns", "name": IOS, "config": config}
        return channels.create_provider(access, values)

    app: Provider = one(Provider, access, make, name=IOS)
    _install(app, audience, "mobile", PushDevice.Kind.IOS, "/apns/devices")
    return app


def _install(app: Provider, audience: Audience, id_type: str, kind: str, path: str) -> None:
    if PushDevice.objects.filter(provider=app).exists():
        return
    crowd = targeting.as_computed([audience], [], id_type)
    normalise = ID_TYPES[id_type].normalise
    raw = next(iter(gathering.batches(crowd))).column("target").to_pylist()
    found = dict.fromkeys(filter(None, (normalise(target) for target in raw if target)))
    for number, target in enumerate(list(found)[:PHONES]):
        made = _sandbox(path, {"reaction": REACTIONS[number % len(REACTIONS)]})
        agent = str(PushDevice.Kind(kind).label)
        registry.register(app, kind, {"token": made["token"]}, {id_type: target}, agent=agent)


def _sandbox(path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    data = json.dumps(content).encode() if content is not None else None
    with urllib.request.urlopen(settings.SANDBOX_URL + path, data=data, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
