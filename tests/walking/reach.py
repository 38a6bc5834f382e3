"""What marketing makes in a workspace: channels, content, send-outs, and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.utils import timezone

from marketing.accounts.models import Account, AccountRequest
from marketing.channels.models import Provider, ProviderCall, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery import services as send_outs
from marketing.delivery.models import Recipient, SendOut, Suppression, Variant
from marketing.devices.models import PushDevice, PushDeviceId
from marketing.links import services as short_links
from marketing.links.models import LinkClick
from marketing.materials import services as materials
from marketing.materials import thumbnails
from marketing.materials.folders import folders as material_folders
from marketing.replies import receiving
from marketing.webhooks import granting as webhook_granting
from marketing.webhooks import services as webhooks
from marketing.webhooks.models import WebhookCall
from tests.marketing.materials import files


@dataclass
class Reached:
    """As `Full`: objects by the beginning of their addresses, and pages that no resolver knows."""

    objects: dict[str, dict[str, str]]
    more: list[str]


def pk(row: Any, **more: Any) -> dict[str, str]:
    """What stands in the address of an object."""
    return {"pk": str(getattr(row, "pk", row)), **{key: str(value) for key, value in more.items()}}


def make(access: Any, audience: Any) -> Reached:
    """One object of every kind, made by the services where they make a difference."""
    workspace = access.workspace
    owned = {"workspace": workspace}
    sms = Provider.objects.create(
        **owned,
        channel="sms",
        type="contract",
        name="Platform",
        config={"promo_variables": True, "digital": True},
    )
    mail = Provider.objects.create(
        **owned, channel="email", type="smtp", name="Mail", config={"host": "127.0.0.1", "port": 9}
    )
    mail_platform = Provider.objects.create(
        **owned, channel="email", type="contract", name="Mail platform", config={"review": True}
    )
    sender = SenderAddress.objects.create(**owned, provider=mail, address="a@example.com", name="A")
    material = materials.upload(access, "hat.png", BytesIO(files.png()))
    materials.set_tags(access, material, ["sale"])
    thumbnails.keep(access, material, BytesIO(files.png()))
    box = material_folders.create(access, "Hats")
    domain = short_links.add_domain(access, "shop.example.com")
    link = short_links.create(access, name="Shop", target="https://shop.example.com/", days=7)
    [addressed] = short_links.person_links(access, link, ["13800138000"])
    person = str(addressed["url"]).partition("=")[2]
    LinkClick.objects.create(link=link, person=person, visitor="v", device="phone", system="iOS")
    signature = Signature.objects.create(**owned, provider=sms, text="Tides", state="approved")
    template = Template.objects.create(**owned, channel="sms", name="Sale", text="Dear people")
    digital = Template.objects.create(
        **owned,
        channel="sms",
        name="Digital",
        subject="Hats",
        signature=signature,
        text="New hats",
        parts=[{"kind": "text", "text": "New hats"}],
    )
    letter = Template.objects.create(
        **owned, channel="email", name="Letter", subject="Hello", html="<p>Hello</p>"
    )
    send_out = SendOut.objects.create(
        **owned,
        channel="sms",
        name="Spring",
        audience=audience,
        owner=access.user,
        provider=sms,
        signature=signature,
        template=template,
    )
    done = SendOut.objects.create(
        **owned,
        channel="email",
        name="Winter",
        audience=audience,
        owner=access.user,
        provider=mail,
        sender=sender,
        template=letter,
        state="finished",
        resolved_at=timezone.now(),
    )
    gift = Template.objects.create(
        **owned, channel="email", name="Letter with a gift", subject="Hello", html="<p>Hello ${name}</p>"
    )
    for number, version in enumerate((letter, gift)):
        Variant.objects.create(send_out=done, number=number, template=version, share=50)
    Recipient.objects.create(
        send_out=done, person="u2", person_hash="0" * 64, state="delivered", target="u2@example.com"
    )
    app = Provider.objects.create(
        **owned, channel="push", type="upush_android", name="App", config={"app_key": "k", "receipts": True}
    )
    site = Provider.objects.create(
        **owned,
        channel="push",
        type="webpush",
        name="Site",
        config={
            "contact": "mailto:tech@shop.example",
            "origins": "https://www.shop.example",
            "id_type": "email",
            "vapid_public": "B",
            "vapid_private": "A",
        },
    )
    phone_app = Provider.objects.create(
        **owned,
        channel="push",
        type="apns",
        name="Phone app",
        config={"key": "secret", "topic": "com.example.shop", "id_type": "idfa", "receipts": True},
    )
    device = PushDevice.objects.create(
        **owned, provider=site, kind="web", agent="Chrome · Windows", last_seen=timezone.now()
    )
    PushDeviceId.objects.create(device=device, id_type="email", person_hash="0" * 64, masked="u***@x.example")
    push = Template.objects.create(
        **owned, channel="push", name="Hats", subject="Hello", text="New hats", push={"badge": 1}
    )
    pushes = [
        SendOut.objects.create(
            **owned,
            channel="push",
            name=name,
            audience=audience,
            owner=access.user,
            provider=app,
            template=push,
            **more,
        )
        for name, more in (
            ("Hats", {}),
            (
                "Hats sent",
                {"state": "finished", "resolved_at": timezone.now(), "started_at": timezone.now()},
            ),
        )
    ]
    gift_push = Template.objects.create(
        **owned,
        channel="push",
        name="Hats as a gift",
        subject="Hello",
        text="New hats",
        push={"sound": False},
    )
    for number, version in enumerate((push, gift_push)):
        Variant.objects.create(send_out=pushes[1], number=number, template=version, share=50)
    webhook = webhooks.create(
        access,
        {
            "name": "CRM",
            "url": "http://127.0.0.1:9/",
            "auth": "key",
            "key": "12345678",
            "id_types": ["mobile"],
            "parameters": [{"name": "title", "label": "Title", "type": "text"}],
            "receipts": True,
            "statuses": [{"code": "200", "label": "Read"}],
        },
    )
    webhook_grant = webhook_granting.grant(access, webhook, {"role": "analyst"})
    values = {"audience": audience, "provider": webhook.provider, "params": {"title": "Hello"}}
    calls = [send_outs.create(access, "custom", {**values, "name": name}) for name in ("Calls", "Called")]
    SendOut.objects.filter(pk=calls[1].pk).update(
        state="finished", resolved_at=timezone.now(), finished_at=timezone.now()
    )
    made_call = WebhookCall.objects.create(
        **owned, webhook=webhook, task=calls[0].pk, url="http://127.0.0.1:9/", body="{}", detail="Refused"
    )
    off = webhooks.copy(access, webhook, {"name": "Other CRM"})
    suppression = Suppression.objects.create(
        **owned, channel="sms", target_hash="0" * 64, masked="138****0002", reason="complaint"
    )
    inbound, _new = receiving.receive(
        sms, {"messageId": "1", "phoneNum": "13800138000", "content": "T", "signName": "Tides"}
    )
    unsubscribed = Suppression.objects.get(workspace=workspace, source="reply")
    account = Account.objects.create(
        **owned,
        type="upush",
        remote_id="1",
        name="Umeng",
        config={"api_key": "1"},
        apps=[{"key": "k2", "name": "Other app", "provider_type": "upush_android"}],
        authorised_at=timezone.now(),
    )
    wish = AccountRequest.objects.create(
        **owned, type="upush", name="Other account", config={"api_key": "2"}, requested_by=access.user
    )
    asked = ProviderCall.objects.create(
        **owned, provider=sms, method="GET", path="/sms/smsSign/Tides", ok=True
    )
    objects = {
        "w/channels/": pk(mail, channel="email", type="smtp"),
        "w/channels/senders/": pk(sender),
        "w/channels/calls/": pk(asked),
        "w/channels/{pk}/calls/": pk(sms),
        "w/accounts/": pk(account, type="upush"),
        "w/accounts/requests/": pk(wish),
        "api/accounts/": pk(account),
        "api/account-requests/": pk(wish),
        "w/devices/sites/": pk(site),
        "w/content/": pk(template, channel="sms", number=1),
        "w/content/{pk}/edit-digital/": pk(digital),
        "w/content/{pk}/defaults/": pk(gift),
        "w/content/signatures/": pk(signature),
        "w/materials/": pk(material),
        "w/materials/folders/": pk(box),
        "w/short-links/": pk(link),
        "w/webhooks/": pk(webhook),
        "w/webhooks/calls/": pk(made_call),
        "w/send-outs/": pk(send_out, channel="sms"),
        "w/send-outs/suppressions/": pk(suppression),
        "w/send-outs/mail/": pk(letter),
        "w/replies/": pk(inbound),
        "api/replies/": pk(inbound),
        "api/providers/": pk(mail),
        "api/push/devices/": pk(device),
        "api/push/sites/": pk(site),
        "api/sender-addresses/": pk(sender),
        "api/templates/": pk(template, number=1),
        "api/materials/": pk(material),
        "api/material-folders/": pk(box),
        "api/material-tags/": pk(material.tags.get()),
        "api/short-links/": pk(link),
        "api/link-domains/": pk(domain),
        "api/signatures/": pk(signature, provider=sms.pk),
        "api/webhooks/": pk(webhook, grant=webhook_grant.pk, call=made_call.pk),
        "api/send-outs/": pk(send_out),
        "api/suppressions/": pk(suppression),
    }
    more = [
        "channels/new/sms/contract/",
        "channels/new/email/contract/",
        "channels/new/sms/aliyun/",
        "channels/new/email/aliyun/",
        f"channels/{mail_platform.pk}/",
        f"channels/{sms.pk}/",
        "content/new/email/",
        f"content/{letter.pk}/",
        f"content/{letter.pk}/edit/",
        f"content/{digital.pk}/",
        f"content/new/digital/?from={digital.pk}",
        "send-outs/new/email/",
        "content/new/sms/",
        "send-outs/new/sms/",
        f"replies/answer/?reply={inbound.pk}",
        f"send-outs/suppressions/{unsubscribed.pk}/back/",
        f"send-outs/{done.pk}/",
        "channels/new/push/upush_ios/",
        "channels/new/push/webpush/",
        "channels/new/push/fcm_android/",
        "channels/new/push/apns/",
        f"channels/{phone_app.pk}/",
        f"channels/{site.pk}/",
        f"channels/{app.pk}/",
        "content/new/push/",
        f"content/{push.pk}/",
        f"content/{push.pk}/edit/",
        "send-outs/new/push/",
        *(f"send-outs/{made.pk}/" for made in pushes),
        "send-outs/new/custom/",
        f"send-outs/webhooks/?audiences={audience.pk}",
        *(f"send-outs/{made.pk}/" for made in calls),
        f"send-outs/{calls[0].pk}/parameters/",
        f"webhooks/{off.pk}/",
        f"webhooks/{off.pk}/edit/",
    ]
    return Reached(objects, more)
