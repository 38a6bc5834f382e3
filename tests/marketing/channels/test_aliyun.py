"""SMS and mail by Alibaba Cloud's interfaces, against a server that checks every signature."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from cdp.core.errors import ValidationFailed
from marketing.channels import senders, services
from marketing.channels.aliyun import rpc, sms
from marketing.channels.base import BulkRequest, provider_type
from marketing.channels.models import Provider, SharedProvider
from marketing.channels.organization import services as shared_services
from marketing.content import reviews, signatures
from marketing.content import services as contents
from marketing.content.models import TemplateReview
from marketing.delivery import report_queues
from marketing.delivery import services as delivery
from marketing.delivery.models import Recipient, SendOut, Suppression
from marketing.replies import uplink
from marketing.replies.models import InboundMessage
from marketing.sandbox.provider import SandboxProvider
from tests.factories import make_access, make_manager, make_organization, make_workspace
from tests.marketing.delivery.shop import Shop, mails, numbers

KEYS = {"access_key_id": "sandbox-id", "access_key_secret": "sandbox-secret"}


def sms_config(sandbox: SandboxProvider, **more: Any) -> dict[str, Any]:
    place = f"{sandbox.url}/aliyun"
    queues = {"report_queue": "Alicom-Queue-1-SmsReport", "uplink_queue": "Alicom-Queue-1-SmsUp"}
    able = {"replies": True, "promo_variables": True}
    return {**KEYS, **queues, **able, "base_url": place, "token_url": place, "queue_url": place, **more}


def platform(shop: Shop, **config: Any) -> Provider:
    values = {
        "channel": "sms",
        "type": "aliyun",
        "name": "Cloud",
        "config": sms_config(shop.sandbox, **config),
    }
    return services.create_provider(shop.access, values)


def draft(shop: Shop, provider: Provider, count: int = 2, first: int = 1000) -> SendOut:
    """An SMS that is ready to be sent."""
    written = {"name": f"Text {first}", "text": "Hello"}
    made = contents.create_template(shop.access, "sms", written)
    contents.submit_for_review(shop.access, made, provider)
    assert TemplateReview.objects.get(template=made).state == "approved"
    chosen = {"provider": provider, "signature": sign(shop, provider), "template": made}
    audience = shop.audience(numbers(count, first), name=f"Audience {first}")
    return delivery.create(shop.access, "sms", {"name": f"Send {first}", "audience": audience, **chosen})


def text(shop: Shop, provider: Provider, **people: Any) -> SendOut:
    """A sent SMS."""
    return shop.submit(draft(shop, provider, **people))


def sign(shop: Shop, provider: Provider) -> Any:
    return provider.signatures.filter(text="Tide").first() or signatures.add(shop.access, provider, "Tide")  # type: ignore[attr-defined]


def states(send_out: SendOut) -> list[str]:
    return [row.state for row in Recipient.objects.filter(send_out=send_out).order_by("pk")]


def test_the_signature_is_that_of_the_public_example() -> None:
    parameters = {
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "Format": "XML",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "SignatureVersion": "1.0",
        "Timestamp": "2016-02-23T12:46:24Z",
        "Version": "2014-05-26",
    }
    assert rpc.signature("GET", parameters, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_wrong_keys_are_told_and_stop_sending(shop: Shop) -> None:
    provider = platform(shop, access_key_secret="wrong")
    found = services.test_provider(shop.access, provider)
    assert not found["ok"] and "SignatureDoesNotMatch" in found["lines"][0]
    provider.refresh_from_db()
    assert provider.failing_since
    assert services.renew_keys(shop.access, provider, {"access_key_secret": "sandbox-secret"})["ok"]


def test_of_the_keys_the_last_four_characters_are_shown(shop: Shop) -> None:
    provider = platform(shop)
    shown = services.shown_config(provider)
    assert (shown["access_key_id"], shown["access_key_secret"]) == ("••••••x-id", "••••••cret")
    services.update_provider(shop.access, provider, {"config": shown})
    provider.refresh_from_db()
    assert provider.config["access_key_secret"] == "sandbox-secret"


def test_replies_need_a_queue(shop: Shop) -> None:
    with pytest.raises(ValidationFailed) as refused:
        platform(shop, uplink_queue="")
    assert "config/uplink_queue" in refused.value.errors


def test_a_text_goes_out_and_the_queue_tells_what_became_of_it(shop: Shop) -> None:
    # The sandbox fails the number that ends in 0001.
    sent = text(shop, platform(shop), count=2, first=0)
    assert sent.state == "finished" and states(sent) == ["handed"] * 2
    arrived = {row["recipient"]: row["text"] for row in shop.sandbox.store.messages(_any())}
    assert arrived["13800130000"] == "【Tide】Hello回T退订"
    assert report_queues.read_all() == 2
    assert states(sent) == ["delivered", "failed"]
    assert report_queues.read_all() == 0


def test_each_person_gets_their_own_text_by_one_call_for_all(shop: Shop) -> None:
    provider = platform(shop, line_values=True)
    made = contents.create_template(shop.access, "sms", {"name": "Own", "text": "Hi ${city}"})
    contents.submit_for_review(shop.access, made, provider)
    code = TemplateReview.objects.get(template=made).remote_code
    lines = ['13800131000,{"city": "Bath"}', '13800131004,{"city": "York"}']
    content = {"sign_name": "Tide", "template_code": code, "params": {}}
    kind = provider_type(provider)
    assert isinstance(kind, sms.AliyunSmsType) and kind.largest_batch(provider) == 100
    kind.send_bulk(provider, BulkRequest("out-1", "", 2, content, lines=lambda: lines))
    rows = shop.sandbox.store.messages(_any())
    assert sorted(row["params"] for row in rows) == ['{"city": "Bath"}', '{"city": "York"}']


def test_one_number_can_be_looked_up(shop: Shop) -> None:
    from django.utils import timezone

    provider = platform(shop)
    text(shop, provider, count=1)
    kind = provider_type(provider)
    assert isinstance(kind, sms.AliyunSmsType)
    [row] = kind.details(provider, "13800131000", timezone.now())
    assert (row["SendStatus"], row["Content"]) == (3, "【Tide】Hello回T退订")


def test_a_reply_comes_by_the_queue_and_unsubscribes(shop: Shop) -> None:
    provider = platform(shop)
    sent = text(shop, provider, count=1)
    shop.sandbox.store.add_reply("13800131000", "T", push=False)
    assert (uplink.read_all(), uplink.read_all()) == (1, 0)
    reply = InboundMessage.objects.get()
    assert (reply.text, reply.send_out, reply.signature_text, reply.workspace) == (
        "T",
        sent,
        "Tide",
        shop.workspace,
    )
    assert Suppression.objects.filter(workspace=shop.workspace).exists()


def test_what_a_reader_could_not_take_in_comes_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = platform(shop)
    sent = text(shop, provider, count=1)

    def fails(*_given: Any) -> int:
        raise RuntimeError

    with monkeypatch.context() as broken, pytest.raises(RuntimeError):
        broken.setattr(report_queues, "take_in", fails)
        report_queues.read_all()
    assert report_queues.read_all() == 0
    # As if the platform's time were up.
    shop.sandbox._http.config.app.aliyun._hidden.clear()  # type: ignore[union-attr]
    assert report_queues.read_all() == 1 and states(sent) == ["delivered"]


def test_a_lost_answer_is_settled_by_the_queue_and_nothing_goes_out_twice(shop: Shop) -> None:
    ready = draft(shop, platform(shop), count=1)
    shop.sandbox.faults.add({"on": "/aliyun/", "kind": "lost_answer"})
    sent = shop.submit(ready)
    assert states(sent) == ["unknown"]
    report_queues.read_all()
    assert states(sent) == ["delivered"] and shop.sandbox.store.count(_any()) == 1


@pytest.mark.parametrize(
    ("code", "retryable", "denied", "uncertain"),
    [
        ("Throttling.User", True, False, False),
        ("isv.AMOUNT_NOT_ENOUGH", True, False, False),
        ("isp.SYSTEM_ERROR", True, False, True),
        ("isv.SMS_TEMPLATE_ILLEGAL", False, False, False),
        ("InvalidAccessKeyId.NotFound", False, True, False),
    ],
)
def test_what_a_refusal_means(code: str, retryable: bool, denied: bool, uncertain: bool) -> None:
    error = rpc.refused(code, "", changes=True)
    assert (error.retryable, error.denied, error.uncertain) == (retryable, denied, uncertain)


def test_a_shared_account_hands_each_workspace_its_own_replies(db: None, sandbox: SandboxProvider) -> None:
    organization = make_organization()
    north, south = (
        Shop(sandbox, make_access(make_workspace(organization, name=name))) for name in ("N", "S")
    )
    manager = make_access(north.workspace, user=make_manager(organization))
    values = {"channel": "sms", "type": "aliyun", "name": "Cloud", "config": sms_config(sandbox)}
    shared = shared_services.create(manager, organization, values)
    shared_services.grant(manager, shared, for_all=True)
    assert SharedProvider.objects.get().providers.count() == 2
    for place, first in ((north, 1000), (south, 2000)):
        text(place, Provider.objects.get(workspace=place.workspace), count=1, first=first)
    sandbox.store.add_reply("13800132000", "Hello from the south", push=False)
    sandbox.store.add_reply("13800131000", "Hello from the north", push=False)
    assert uplink.read_all() == 2
    found = {row.text: row.workspace for row in InboundMessage.objects.all()}
    assert found == {"Hello from the north": north.workspace, "Hello from the south": south.workspace}
    assert report_queues.read_all() == 2


def test_new_signatures_and_changed_templates_are_reviewed(shop: Shop) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    provider = platform(shop)
    proof = SimpleUploadedFile("proof.png", b"\x89PNG\r\n\x1a\n" + bytes(20))
    made = signatures.submit_new(shop.access, provider, "New", source="0", note="Ours", proofs=[proof])
    assert made.state == "approved"
    refused = signatures.submit_new(
        shop.access,
        provider,
        "Newer",
        source="0",
        note="reject",
        proofs=[SimpleUploadedFile("p.png", b"\x89PNG\r\n\x1a\n")],
    )
    assert refused.state == "rejected" and refused.reason
    template = contents.create_template(shop.access, "sms", {"name": "reject me", "text": "Hello"})
    contents.submit_for_review(shop.access, template, provider)
    assert reviews.current(template, provider).state == "rejected"  # type: ignore[union-attr]


class TestMail:
    @staticmethod
    def platform(shop: Shop) -> Provider:
        config = {**KEYS, "base_url": f"{shop.sandbox.url}/aliyun"}
        values = {"channel": "email", "type": "aliyun", "name": "Post", "config": config}
        return services.create_provider(shop.access, values)

    def test_mails_go_out_one_by_one_with_a_way_to_unsubscribe(self, shop: Shop) -> None:
        provider = self.platform(shop)
        assert services.test_provider(shop.access, provider)["ok"]
        sender = senders.add(shop.access, provider, "shop@tide.example", "Tide Shop")
        template = contents.create_template(
            shop.access, "email", {"name": "Letter", "subject": "Hello", "html": "<p>Hi</p>"}
        )
        people = [*mails(2), ("13800131000", "bounce-hard@x.example", "Bath", None)]
        chosen = {
            "provider": provider,
            "sender": sender,
            "template": template,
            "audience": shop.audience(people),
        }
        sent = shop.submit(delivery.create(shop.access, "email", {"name": "Letter", **chosen}))
        assert sorted(states(sent)) == ["delivered", "delivered", "failed"]
        row = shop.sandbox.store.messages(_any())[0]
        assert row["sender"] == '"Tide Shop" <shop@tide.example>' and "<p>Hi</p>" in row["html"]
        assert "List-Unsubscribe" in row["params"]

    def test_senders_are_fetched_with_which_are_frozen(self, shop: Shop) -> None:
        shop.sandbox.options.senders = "a@tide.example, frozen@tide.example"
        provider = self.platform(shop)
        assert senders.fetch(shop.access, provider) == {"new": 2, "frozen": 1, "known": 0}
        shop.sandbox.options.senders = ""
        with pytest.raises(ValidationFailed):
            senders.add(shop.access, provider, "unknown@tide.example")


def _any() -> Any:
    from marketing.sandbox.store import Wanted

    return Wanted()


@pytest.fixture(autouse=True)
def _no_lent_keys(db: None) -> None:
    cache.clear()
