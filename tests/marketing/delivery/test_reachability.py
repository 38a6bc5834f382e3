"""Who could be reached right now, by type of ID, against plain sets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from marketing.content.models import Template
from marketing.delivery import contact_policy, reachability, suppressions
from marketing.delivery.models import Recipient, SendOut, Suppression
from tests.factories import make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.push_shop import PushShop, imei
from tests.marketing.delivery.shop import Shop, mails

NIGHT = datetime(2026, 5, 4, 22, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


def counted(shop: Shop, audiences: list[Any], **message: Any) -> reachability.IdReach:
    planned = reachability.planned(shop.workspace, "email", **message)
    [found] = reachability.count(planned, audiences, [], ["email"])
    return found


def had_one(shop: Shop, people: list[int], name: str) -> None:
    """These people of the shop got a promotion just now."""
    send_out = shop.submit(shop.mail(shop.audience([mails(40)[place] for place in people], name), name))
    assert Recipient.objects.filter(send_out=send_out, state="delivered").count() == len(people)


def test_counts_are_those_of_plain_sets(shop: Shop) -> None:
    people = [*mails(20), *mails(3), (None, "not an address", None, None), (None, None, None, None)]
    audience = shop.audience(people, "All")
    shop.settings(caps={"email": {"per_day": 1}})
    unsubscribed, capped = {1, 2, 3, 30}, {3, 4, 5, 31}
    had_one(shop, sorted(capped), "Earlier")
    for number in unsubscribed:
        suppressions.add(shop.access, "email", f"C{number}@x.example")
    found = counted(shop, [audience])
    usable = set(range(20))
    assert (found.people, found.left_out, found.with_id) == (25, 0, len(usable))
    assert found.suppressed == len(usable & unsubscribed) == 3
    assert found.capped == len((usable & capped) - unsubscribed) == 2
    assert found.reachable == len(usable - unsubscribed - capped) == 15
    sent = shop.submit(shop.mail(audience, "Real"))
    assert shop.states(sent)["delivered"] == found.reachable


def test_notices_are_not_capped(shop: Shop) -> None:
    audience = shop.audience(mails(3), "All")
    shop.settings(caps={"email": {"per_day": 1}})
    had_one(shop, [0, 1], "Earlier")
    assert counted(shop, [audience]).reachable == 1
    assert counted(shop, [audience], purpose="notice").reachable == 3
    assert counted(shop, [audience], template=Template(purpose="notice")).reachable == 3


@pytest.mark.parametrize(
    ("action", "reachable", "words"), [("skip", 0, "reach nobody"), ("delay", 2, "wait until")]
)
def test_quiet_hours_are_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, action: str, reachable: int, words: str
) -> None:
    monkeypatch.setattr(contact_policy, "local_now", lambda workspace: NIGHT)
    shop.settings(quiet_hours={"enabled": True, "start": "21:00", "end": "09:00", "action": action})
    audience = shop.audience(mails(2), "All")
    found = counted(shop, [audience])
    assert (found.held, found.reachable) == (2 - reachable, reachable)
    part = Browser(shop.access, "send-outs/").get("reach/email/", audiences=audience.pk).content.decode()
    assert (
        f"<strong>{reachable}</strong> of 2 people" in part and "2026-05-05 09:00" in part and words in part
    )


def test_of_too_many_people_only_the_audience_is_counted_and_that_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = shop.audience(mails(3), "All")
    suppressions.add(shop.access, "email", "c1@x.example")
    monkeypatch.setattr(reachability, "MOST_LOOKED_UP", 2)
    found = counted(shop, [audience])
    assert (found.with_id, found.suppressed, found.capped, found.reachable) == (3, None, None, 3)
    part = Browser(shop.access, "send-outs/").get("reach/email/", audiences=audience.pk).content.decode()
    assert "too many to be looked up one by one" in part and "Held by caps" not in part


def test_the_form_and_the_api_say_the_same(shop: Shop, client: Any) -> None:
    audience, banned = shop.audience(mails(5), "All"), shop.audience(mails(1), "Banned")
    suppressions.add(shop.access, "email", "c1@x.example")
    body = {"channel": "email", "audiences": [audience.pk], "exclude": [banned.pk]}
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/reach/"
    found = client.post(url, body, content_type="application/json", headers=headers).json()
    assert (found["people"], found["left_out"], found["reachable"], found["quiet_hours"]) == (5, 1, 4, None)
    row = {
        "id_type": "email",
        "people": 5,
        "left_out": 1,
        "with_id": 4,
        "suppressed": 1,
        "capped": 0,
        "held": 0,
    }
    assert found["id_types"] == [{**row, "reachable": 3}]
    wrong = client.post(
        url, {**body, "template": "tpl_none"}, content_type="application/json", headers=headers
    )
    assert wrong.status_code == 400 and list(wrong.json()["errors"]) == ["template"]
    chosen = {"audiences": audience.pk, "exclude": banned.pk}
    part = Browser(shop.access, "send-outs/").get("reach/email/", **chosen).content.decode()
    assert "<strong>3</strong> of 5 people can be reached, 1 are left out" in part


def test_the_signatures_own_unsubscribed_count_once_it_is_chosen(shop: Shop) -> None:
    draft = shop.sms(shop.audience([("13800131010", None, None, None), ("13800131011", None, None, None)]))
    suppressions.add(shop.access, "sms", "13800131010")
    Suppression.objects.update(signature=draft.signature.text)

    def reachable(**message: Any) -> int:
        planned = reachability.planned(shop.workspace, "sms", **message)
        return reachability.count(planned, [draft.audience], [], ["mobile"])[0].reachable

    assert (reachable(), reachable(signature=draft.signature)) == (2, 1)


def test_each_type_of_id_that_the_channel_writes_to_has_a_row(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1001), imei(1002)], ["A" * 8 + "-AAAA-AAAA-AAAA-" + "A" * 12])
    android = push_shop.app()
    push_shop.app("Other", "ios")
    types = reachability.id_types(push_shop.workspace, "push", [audience], "imei")
    assert types == ["imei", "idfa"]
    found = reachability.count(reachability.planned(push_shop.workspace, "push"), [audience], [], types)
    assert [(row.id_type, row.people, row.with_id) for row in found] == [("imei", 3, 2), ("idfa", 3, 1)]
    part = Browser(push_shop.access, "send-outs/").get(
        "reach/push/", audiences=audience.pk, provider=android.pk
    )
    assert part.content.decode().count("<th scope") == 2


def test_whom_an_earlier_message_reached_longer_ago_is_not_held(shop: Shop) -> None:
    audience = shop.audience(mails(2), "All")
    shop.settings(caps={"email": {"per_week": 1}})
    had_one(shop, [0], "Earlier")
    assert counted(shop, [audience]).capped == 1
    Recipient.objects.update(handed_at=timezone.now() - timedelta(days=8))
    assert counted(shop, [audience]).capped == 0
    assert not SendOut.objects.filter(audience=audience).exists()
