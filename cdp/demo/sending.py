"""The send-outs of the demo workspace: what they need, and somebody who reads them."""

from __future__ import annotations

import html
import json
import re
import time
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError
from cdp.demo import approving, asking, campaigns, converting, phones, recording, repeating, replies
from cdp.demo import audiences as rules
from cdp.demo.steps import finish, one
from cdp.jobs import JobContext
from cdp.jobs.models import Job
from insight.audiences.models import Audience
from insight.campaigns.models import Campaign
from insight.datasets.models import Dataset
from marketing.accounts import services as accounts
from marketing.accounts.models import Account
from marketing.channels import senders
from marketing.channels import services as channels
from marketing.channels.models import Provider, SenderAddress
from marketing.content import reviews, signatures
from marketing.content import services as content
from marketing.content.models import Signature, Template
from marketing.delivery import services as delivery
from marketing.delivery.composition import Share
from marketing.delivery.models import SendOut
from marketing.materials.models import Material
from marketing.webhooks import services as webhooks
from marketing.webhooks.models import Webhook

SENT = {"email": 300, "sms": 200, "push": 100, "custom": 100}
OPENED, CLICKED = 0.34, 0.13
WITH_GIFT = 1.6
"""How many times as often the letter with a gift is read."""
KEPT_BACK = 10


def send(
    job: JobContext,
    access: Access,
    datasets: dict[str, Dataset],
    made: dict[str, Audience],
    planned: dict[str, Campaign],
) -> None:
    """A mail in two variants, a text, a push message and calls of a webhook, by way of the sandbox; some are read.

    What its readers bought is counted, and a larger one waits for approval.
    """
    members, behaviour = datasets["members"], datasets["behaviour"]
    sent = [
        _mail(access, members, made[rules.AGAIN], planned[campaigns.AGAIN]),
        _text(access, made[rules.BIRTHDAY], planned[campaigns.BIRTHDAY]),
        *_push(access, made[rules.VIP], planned[campaigns.AGAIN]),
        _calls(access, members, made[rules.VIP], planned[campaigns.AGAIN]),
    ]
    until = time.monotonic() + 120
    for send_out in sent:
        active = Job.objects.filter(subject_id=send_out.pk, status__in=Job.ACTIVE).first()
        if active is not None:
            finish(active)
        while send_out.state == SendOut.State.SENDING and time.monotonic() < until:
            time.sleep(0.5)
            send_out.refresh_from_db()
    replies.load(sent[1])
    job.phase(_("Opening some of the messages"), progress=95)
    try:
        _read_mail()
    except OSError as error:
        # Only the effect's figures would miss it.
        job.log(_("The messages in the sandbox could not be opened: %(error)s") % {"error": error})
    converting.load(access, sent[0], behaviour)
    repeating.load(access, members, made[rules.AGAIN])
    recording.load(access, sent[0], members, behaviour)
    approving.load(access, made[rules.AGAIN])


def _submit(access: Access, channel: str, values: dict[str, Any]) -> SendOut:
    def make() -> SendOut:
        limit = min(SENT[channel], values["audience"].count)
        return delivery.create(access, channel, {**values, "limit": limit})

    send_out: SendOut = one(SendOut, access, make, name=values["name"])
    if send_out.state == SendOut.State.DRAFT:
        send_out = delivery.submit(access, send_out)
    return send_out


def _mail(access: Access, members: Dataset, audience: Audience, campaign: Campaign) -> SendOut:
    host, _colon, port = settings.SANDBOX_SMTP.rpartition(":")
    config = {"host": host, "port": int(port), "security": "none"}
    values = {
        "channel": "email",
        "type": "smtp",
        "name": "Sandbox SMTP",
        "config": config,
        "price": Decimal("0.002"),
    }
    mail = one(Provider, access, lambda: channels.create_provider(access, values), name="Sandbox SMTP")
    address = "hello@brand-a.example.com"
    sender = one(
        SenderAddress, access, lambda: senders.add(access, mail, address, "Brand A"), address=address
    )
    letter = one(
        Template,
        access,
        lambda: content.create_template(access, "email", rules.LETTER),
        name=rules.LETTER["name"],
    )
    other = one(
        Template,
        access,
        lambda: content.create_template(access, "email", rules.LETTER_WITH_GIFT),
        name=rules.LETTER_WITH_GIFT["name"],
    )
    gift = rules.BIRTHDAY_LETTER
    one(Template, access, lambda: content.create_template(access, "email", gift), name=gift["name"])
    variables = {"city": {"dataset": members.pk, "tag": "city", "missing": "replace", "value": "远方"}}
    sent = {
        "name": "女装回访邮件",
        "provider": mail,
        "sender": sender,
        "variants": [Share(letter, 50), Share(other, 50)],
        "holdout": KEPT_BACK,
    }
    return _submit(
        access, "email", {**sent, "audience": audience, "variables": variables, "campaigns": [campaign.pk]}
    )


def _text(access: Access, audience: Audience, campaign: Campaign) -> SendOut:
    can = {"line_values": True, "short_links": True, "short_params": True, "replies": True}
    can |= {"digital": True, "new_signatures": True}
    config = {"base_url": f"{settings.SANDBOX_URL}/contract", "idempotent": True, **can}
    values = {
        "channel": "sms",
        "type": "contract",
        "name": "Sandbox SMS",
        "config": config,
        "price": Decimal("0.045"),
    }
    platform = one(Provider, access, lambda: channels.create_provider(access, values), name="Sandbox SMS")
    signature = one(Signature, access, lambda: signatures.add(access, platform, "BrandA"), provider=platform)
    text = one(
        Template, access, lambda: content.create_template(access, "sms", rules.TEXT), name=rules.TEXT["name"]
    )
    thanks = one(
        Template,
        access,
        lambda: content.create_template(access, "sms", rules.THANKS),
        name=rules.THANKS["name"],
    )
    for template in (text, thanks):
        if not template.reviews.filter(provider=platform).exists():
            content.submit_for_review(access, template, platform)
        _wait_for_reviews(template, signature)
    _digital(access, platform, signature, audience)
    sent = {"name": "生日祝福短信", "provider": platform, "signature": signature, "template": text}
    return _submit(access, "sms", {**sent, "audience": audience, "campaigns": [campaign.pk]})


def _digital(access: Access, platform: Provider, signature: Signature, audience: Audience) -> None:
    """A digital SMS that two carriers approve, and a draft that would send it; a signature that was rejected."""
    picture = Material.objects.in_workspace(access.workspace).get(name="会员日横幅.png")
    parts = [
        {"kind": "image", "material": picture.pk},
        {"kind": "text", "text": "会员日来了：八月八日到店，会员享双倍积分。"},
    ]
    # The sandbox's carriers approve what names them.
    values = {
        "name": "会员日数字短信 (mobile, unicom)",
        "subject": "会员日",
        "signature": signature,
        "parts": parts,
    }
    template = one(
        Template, access, lambda: content.create_template(access, "sms", values), name=values["name"]
    )
    if not template.reviews.exists():
        content.submit_for_review(access, template, platform)
    draft = {"name": "会员日预告", "provider": platform, "template": template, "audience": audience}
    one(SendOut, access, lambda: delivery.create(access, "sms", draft), name=draft["name"])
    proof = SimpleUploadedFile("licence.pdf", b"%PDF-1.4")
    given = {"source": "5", "note": "reject: the trademark is somebody else's", "proofs": [proof]}
    one(
        Signature,
        access,
        lambda: signatures.submit_new(access, platform, "会员俱乐部", **given),
        text="会员俱乐部",
    )


def _app(access: Access) -> Provider:
    """An app of the retailer's account."""
    keys = {"api_key": "1234567", "api_security": "sandbox", "base_url": settings.SANDBOX_URL}
    account = one(
        Account,
        access,
        lambda: accounts.authorise(access, "upush", "友盟账号（沙箱）", keys),
        name="友盟账号（沙箱）",
    )
    asking.load(access, account, keys)
    config = {"master_secret": "sandbox", "base_url": f"{settings.SANDBOX_URL}/upush"}
    values = {"app": "sandbox-android", "name": "Sandbox App", "config": config}
    return accounts.add_app(access, account, values)


def _push(access: Access, audience: Audience, campaign: Campaign) -> list[SendOut]:
    """By U-Push to everybody with the app, and to the phones that its maker's own push service knows."""
    app = one(Provider, access, lambda: _app(access), name="Sandbox App")
    message = one(
        Template,
        access,
        lambda: content.create_template(access, "push", rules.PUSH),
        name=rules.PUSH["name"],
    )
    phones.ios(access, audience)
    by_app = {"会员专享推送": app, "会员专享推送（FCM）": phones.android(access, audience)}
    common = {"template": message, "audience": audience, "campaigns": [campaign.pk]}
    return [
        _submit(access, "push", {"name": name, "provider": provider, **common})
        for name, provider in by_app.items()
    ]


def _calls(access: Access, members: Dataset, audience: Audience, campaign: Campaign) -> SendOut:
    values = {
        "name": "会员系统",
        "url": f"{settings.SANDBOX_URL}/own-system",
        "auth": "key",
        "key": "sandbox-key",
        "id_types": ["mobile", "email"],
        "parameters": [
            {"name": "title", "label": "问候语", "type": "text"},
            {"name": "template", "label": "模板", "type": "string"},
            {"name": "points", "label": "积分", "type": "integer"},
        ],
        "receipts": True,
        "statuses": [
            {"code": "200", "label": "已送达", "outcome": "delivered"},
            {"code": "500", "label": "未送达", "outcome": "failed"},
        ],
        "idempotent": True,
    }
    webhook = Webhook.objects.in_workspace(access.workspace).first() or webhooks.create(access, values)
    city = {"dataset": members.pk, "tag": "city", "missing": "replace", "value": "BrandA"}
    sent = {
        "name": "会员积分提醒",
        "provider": webhook.provider,
        "id_type": "mobile",
        "params": rules.WEBHOOK,
        "purpose": "notice",
        "variables": {"city": city},
    }
    return _submit(access, "custom", {**sent, "audience": audience, "campaigns": [campaign.pk]})


def _wait_for_reviews(text: Template, signature: Signature) -> None:
    """The platform reviews template and signature within seconds. Raises Conflict where it does not approve them."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        review = reviews.current(text, signature.provider)
        if review is not None and review.state != "approved":
            reviews.check(review)
        if signature.state != "approved":
            signature = reviews.check_signature(signature)
        if signature.state == "approved" and reviews.approved(text, signature.provider):
            return
        time.sleep(1)
    raise Conflict("The sandbox has not approved the template.", code="demo_step_failed")


def _read_mail() -> None:
    """Open and click some of the sandbox's messages, as their readers would."""
    for number, message in enumerate(_inbox("?limit=1000&channel=email")["messages"]):
        turn = (number * 7919 % 1000) / 1000
        if message["subject"].endswith(rules.LETTER_WITH_GIFT["subject"].partition("}")[2]):
            turn /= WITH_GIFT
        if turn >= OPENED:
            continue
        body = html.unescape(_inbox(f"/{message['id']}")["html"])
        for address in re.findall(r"https?://[^\"'<>\s]+/t/[oc]/[^\"'<>\s]+", body):
            if "/t/o/" in address or turn < CLICKED:
                _visit(address)


def _inbox(path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{settings.SANDBOX_URL}/inbox/api/messages{path}", timeout=20) as page:
        found: dict[str, Any] = json.load(page)
    return found


def _visit(address: str) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_arguments: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(address, timeout=10).close()
    except urllib.error.HTTPError as answer:
        if answer.code not in (301, 302):
            raise DomainError(f"{address} answered {answer.code}.") from answer
