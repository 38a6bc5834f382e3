"""Push messages with several audiences, exclusions, a control group, variants and short links."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences.models import Audience, AudienceVersion
from marketing.content import services as contents
from marketing.content.models import Template
from marketing.delivery import push_figures, queries, services, split, trial
from marketing.delivery.composition import Share, shares_of
from marketing.delivery.models import SendBatch, SendOut
from marketing.links import services as links
from marketing.links.models import ShortLink
from tests.marketing.console import Browser
from tests.marketing.delivery.push_shop import PushShop, idfa, imei
from tests.marketing.delivery.test_api import Caller
from tests.marketing.delivery.test_push import report

PHONES = 24


def page(shop: PushShop, name: str, **push: Any) -> Template:
    written = {"name": name, "subject": f"Hello {name}", "text": f"Text {name}", "push": push}
    return contents.create_template(shop.access, "push", written)


def two(shop: PushShop, audience: Audience | None = None, **more: Any) -> SendOut:
    """A draft with variants A and B to 24 phones."""
    audience = audience or shop.phones([imei(1000 + number) for number in range(PHONES)])
    rows = more.pop("rows", None) or [page(shop, name) for name in "AB"]
    return shop.push(audience, variants=[Share(row, 50) for row in rows], **more)


def got(shop: PushShop, batch: SendBatch) -> dict[str, Any]:
    """What the phones of a batch were sent."""
    found = shop.sandbox.store.push(batch.biz_id)
    assert found is not None
    body: dict[str, Any] = found["payload"]["body"]
    return body


def test_each_phone_gets_the_variant_of_its_person(push_shop: PushShop) -> None:
    send_out = push_shop.submit(two(push_shop))
    assert set(push_shop.inbox().values()) == {1} and len(push_shop.inbox()) == PHONES
    batches = list(send_out.batches.all())
    assert {batch.variant for batch in batches} == {0, 1}
    for batch in batches:
        people = batch.recipients.values_list("person", flat=True)
        assert {split.variant_of(send_out, [50, 50], person) for person in people} == {batch.variant}
        body = got(push_shop, batch)
        assert (body["title"], body["text"]) == (
            f"Hello {'AB'[batch.variant]}",
            f"Text {'AB'[batch.variant]}",
        )


def test_variables_in_the_link_of_one_variant_divide_its_people_alone(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1000 + number) for number in range(PHONES)])
    city = {"dataset": audience.rule["dataset"], "tag": "city", "missing": "skip", "value": ""}
    rows = [page(push_shop, "A"), page(push_shop, "B", action="url", url="https://shop.example/${city}")]
    send_out = push_shop.submit(two(push_shop, audience, rows=rows, variables={"city": city}))
    found = {(batch.variant, got(push_shop, batch).get("url")) for batch in send_out.batches.all()}
    assert found == {(0, None), (1, "https://shop.example/Bath"), (1, "https://shop.example/Oslo")}


def test_no_variant_may_do_what_an_app_for_ios_cannot(push_shop: PushShop) -> None:
    rows = [page(push_shop, "A"), page(push_shop, "B", action="url", url="https://shop.example")]
    with pytest.raises(ValidationFailed) as refused:
        two(push_shop, push_shop.phones([], [idfa(1)]), rows=rows, system="ios")
    assert list(refused.value.errors) == ["variants"]


def test_each_variant_can_be_looked_at_and_tried(push_shop: PushShop) -> None:
    rows = [page(push_shop, "A"), page(push_shop, "B", action="url", url="https://shop.example/b")]
    send_out = two(push_shop, rows=rows)
    assert [trial.preview(send_out, variant=number)["push"]["action"] for number in (0, 1)] == ["app", "url"]
    shown = Browser(push_shop.access, "send-outs/").get(f"{send_out.pk}/", variant="B").content.decode()
    assert "Hello B" in shown and "https://shop.example/b" in shown and "Hello A" not in shown
    trial.send_test(push_shop.access, send_out, [imei(2001)], variant=1)
    assert push_shop.inbox() == {imei(2001): 1}
    assert push_shop.payloads()[0]["payload"]["body"]["url"] == "https://shop.example/b"


@pytest.mark.parametrize(
    ("system", "receipts", "of"),
    [
        ("android", True, {"delivered": "sent", "opened": "delivered"}),
        ("android", False, {"opened": "sent"}),
        ("ios", True, {"opened": "sent"}),
    ],
)
def test_variants_are_compared_by_what_can_be_known(
    push_shop: PushShop, system: str, receipts: bool, of: dict[str, str]
) -> None:
    name = imei if system == "android" else idfa
    devices = [name(1000 + number) for number in range(PHONES)]
    audience = push_shop.phones(*((devices,) if system == "android" else ([], devices)))
    send_out = push_shop.submit(two(push_shop, audience, system=system, config={"receipts": receipts}))
    batches = list(send_out.batches.order_by("variant"))
    for batch in batches:
        first, *others = [row.target for row in batch.recipients.all()]
        report(send_out, (first, 2), *[(other, 1) for other in others], batch=batch)
    found = queries.variants(send_out)
    assert [row["of"] for row in found] == [of, of]
    assert [row["sent"] for row in found] == [batch.size for batch in batches]
    for row, batch in zip(found, batches, strict=True):
        assert {key: (rate["count"], rate["base"]) for key, rate in row["rates"].items()} == {
            key: (batch.size if key == "delivered" else 1, batch.size) for key in of
        }
    counts = {"planned": 2, "sent": 2, "opened": 5, "ignored": 0}
    SendBatch.objects.filter(pk=batches[1].pk).update(counts=counts)
    opened = queries.variants(send_out)[1]["rates"]["opened"]
    assert opened["count"] == (min(5, batches[1].size) if "delivered" in of else 2)
    shown = Browser(push_shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    assert ("Opened, of those delivered" in shown) is ("delivered" in of)
    assert ("Opened, of those sent" in shown) is ("delivered" not in of)


@pytest.mark.parametrize("system", ["android", "ios"])
def test_several_audiences_and_exclusions_go_by_the_id_of_the_app(push_shop: PushShop, system: str) -> None:
    name = imei if system == "android" else idfa

    def phones(title: str, *numbers: int | None, lower: bool = False) -> Audience:
        devices = [None if number is None else name(number) for number in numbers]
        written = [device.lower() if device and lower else device for device in devices]
        return push_shop.phones(*((written,) if system == "android" else ([], written)), name=title)

    first, second = phones("First", 1001, 1002, None), phones("Second", 1001, 1002, 1003, 1004, 1005)
    staff = phones("Staff", 1004, lower=True)
    # Its people have identifiers of their own, so only their phones tell who they are.
    AudienceVersion.objects.filter(audience=staff).update(user_id_type="mobile")
    send_out = push_shop.push(first, audiences=[first, second], exclude=[staff], system=system)
    send_out = push_shop.submit(send_out)
    assert push_shop.inbox() == {name(number): 1 for number in (1001, 1002, 1003, 1005)}
    effect = queries.effect(send_out)
    assert (effect["target"], effect["excluded"], effect["push"]["target"]) == (5, 1, 4)


def test_an_audience_without_the_id_of_the_app_is_refused_at_its_field(push_shop: PushShop) -> None:
    both, android = push_shop.phones([imei(1)], [idfa(1)]), push_shop.phones([imei(2)], name="Android")
    Audience.objects.filter(pk=android.pk).update(save_ids=["imei"])
    android.refresh_from_db()
    send_out = push_shop.push(both, audiences=[both, android])
    for changes, field in (
        ({"provider": push_shop.app("iPhones", "ios")}, "audiences"),
        ({"provider": push_shop.app("Tablets", "ios"), "audiences": [both], "exclude": [android]}, "exclude"),
    ):
        with pytest.raises(ValidationFailed) as refused:
            services.update(push_shop.access, send_out, changes)
        assert list(refused.value.errors) == [field] and "Android" in refused.value.errors[field][0]


def test_the_control_group_gets_nothing_and_is_no_device_of_the_figures(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1000 + number) for number in range(PHONES)])
    send_out = push_shop.submit(two(push_shop, audience, holdout=30))
    kept = send_out.recipients.filter(state="control").count()
    assert 0 < kept < PHONES and len(push_shop.inbox()) == PHONES - kept
    effect = queries.effect(send_out)
    assert (effect["target"], effect["kept_back"], effect["push"]["target"]) == (PHONES, kept, PHONES - kept)
    of_variants = push_figures.of_variants(send_out)
    assert sum(figures["target"] for figures in of_variants.values()) == PHONES - kept
    assert "Kept back" in Browser(push_shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()


@pytest.fixture
def link(push_shop: PushShop) -> ShortLink:
    links.add_domain(push_shop.access, "shop.example.com")
    return links.create(push_shop.access, name="Sale", target="https://shop.example.com/", days=1)


@pytest.mark.parametrize("place", ["text", "url", "custom", "extra"])
def test_a_short_link_anywhere_in_any_variant_must_lead_somewhere(
    push_shop: PushShop, link: ShortLink, place: str
) -> None:
    push: dict[str, Any] = {
        "url": {"action": "url", "url": link.url},
        "custom": {"action": "custom", "custom": f"go {link.url}"},
        "extra": {"extra": {"go": link.url}},
    }.get(place, {})
    other = page(push_shop, "B", **push)
    if place == "text":
        other = contents.update_template(push_shop.access, other, {"text": f"See {link.url}"})
    send_out = two(push_shop, push_shop.phones([imei(1001)]), rows=[page(push_shop, "A"), other])
    with pytest.raises(Conflict) as refused:
        later = timezone.now() + timedelta(hours=25)
        services.submit(push_shop.access, send_out, scheduled_at=later)
    assert refused.value.code == "short_link_over"
    services.submit(push_shop.access, send_out, scheduled_at=timezone.now() + timedelta(hours=2))
    with pytest.raises(Conflict) as kept:
        links.delete(push_shop.access, link)
    assert kept.value.code == "in_use"


@pytest.mark.parametrize(("place", "field"), [("url", "action"), ("custom", "action"), ("extra", "extra")])
def test_no_variable_stands_inside_a_short_link(
    push_shop: PushShop, link: ShortLink, place: str, field: str
) -> None:
    cut = f"{link.url}${{city}}"
    given = {
        "url": {"action": "url", "url": cut},
        "custom": {"action": "custom", "custom": cut},
        "extra": {"extra": {"go": cut}},
    }
    with pytest.raises(ValidationFailed) as refused:
        page(push_shop, "A", **given[place])
    assert refused.value.errors == {f"push/{field}": ["A short link has no variable in it."]}


def test_who_can_be_reached_depends_on_the_app(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1001), imei(1002)], [idfa(1)])
    console, call = Browser(push_shop.access, "send-outs/"), Caller(push_shop)
    body = {"channel": "push", "audiences": [audience.pk]}
    for system, reachable in (("android", 2), ("ios", 1)):
        app = push_shop.app(system, system)
        part = console.get("reach/push/", audiences=audience.pk, provider=app.pk).content.decode()
        assert f"<strong>{reachable}</strong> of 3 people can be reached" in part
        counted = call("post", "send-outs/reach/", {**body, "provider": app.pk})
        assert counted.items() >= {"people": 3, "left_out": 0, "reachable": reachable}.items()
    assert console.get("reach/push/", audiences=audience.pk).content.decode().strip() == ""
    for wrong in ({}, {"provider": "prv_none"}):
        assert list(call("post", "send-outs/reach/", {**body, **wrong}, 400)["errors"]) == ["provider"]


def test_variants_are_chosen_in_the_console(push_shop: PushShop) -> None:
    audience, app = push_shop.phones([imei(1001)]), push_shop.app()
    first, second = page(push_shop, "A"), page(push_shop, "B")
    browser = Browser(push_shop.access, "send-outs/")
    form = browser.get("new/push/").content.decode()
    assert 'name="template_b"' in form
    assert not any(f'name="{name}"' in form for name in ("sender", "signature", "track"))
    given = {"name": "Hats", "provider": app.pk, "template": first.pk, "template_b": second.pk}
    made = browser.post("new/push/", **given, audiences=[audience.pk])
    assert made.status_code == 302, made.content.decode()
    assert shares_of(SendOut.objects.get()) == [Share(first, 50), Share(second, 50)]
