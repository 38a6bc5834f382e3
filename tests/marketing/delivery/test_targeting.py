"""Several audiences, less the members of others: who gets the message, and that the ledger says why not."""

from __future__ import annotations

import random
from typing import Any

import pytest

from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import gathering, usage
from insight.audiences import services as audience_services
from insight.audiences.models import Audience
from marketing.delivery import copying, queries, services, targeting
from marketing.delivery.models import SendOutAudience
from tests.factories import make_access, make_token
from tests.marketing.delivery.shop import Person, Shop, mails, numbers


def people(*addresses: str | None) -> list[Person]:
    return [(None, address, "Bath", None) for address in addresses]


def reach(*wanted: Audience, without: tuple[Audience, ...] = ()) -> gathering.Reach:
    return gathering.reach(targeting.as_computed(list(wanted), list(without), "email"))


def test_who_is_in_several_audiences_gets_one_message(shop: Shop) -> None:
    first, second = shop.audience(mails(3), "First"), shop.audience(mails(5), "Second")
    send_out = shop.submit(shop.mail(first, audiences=[first, second]))
    assert send_out.state == "finished"
    assert shop.inbox() == {f"c{number}@x.example": 1 for number in range(5)}
    assert queries.effect(send_out)["target"] == 5 and shop.reasons(send_out) == {}


def test_a_person_has_the_address_of_the_first_audience_that_knows_one(shop: Shop) -> None:
    first = shop.audience(people("old@x.example", None), "First")
    second = shop.audience(people("new@x.example", "two@x.example"), "Second")
    shop.submit(shop.mail(first, audiences=[first, second]))
    assert shop.inbox() == {"old@x.example": 1, "two@x.example": 1}


def test_two_people_with_one_address_get_one_message(shop: Shop) -> None:
    first = shop.audience(people("ann@x.example"), "First")
    # The first person is the one of the first audience; the second has the same address.
    second = shop.audience(people("other@x.example", " ANN@x.example"), "Second")
    send_out = shop.submit(shop.mail(first, audiences=[first, second]))
    assert shop.inbox() == {"ann@x.example": 1} and shop.reasons(send_out) == {"duplicate": 1}


def test_members_of_excluded_audiences_get_nothing_and_are_counted(shop: Shop) -> None:
    everybody = shop.audience(mails(6), "All")
    staff, angry = shop.audience(mails(2), "Staff"), shop.audience(mails(3), "Angry")
    send_out = shop.submit(shop.mail(everybody, exclude=[staff, angry]))
    assert set(shop.inbox()) == {"c3@x.example", "c4@x.example", "c5@x.example"}
    effect = queries.effect(send_out)
    assert (effect["target"], effect["left_out"], effect["excluded"], effect["sent"]) == (6, 3, 3, 3)
    assert shop.reasons(send_out) == {"excluded": 3}
    assert {row.target for row in send_out.recipients.filter(reason="excluded")} == {""}


def test_somebody_is_excluded_by_the_same_address_under_another_id_and_in_another_form(shop: Shop) -> None:
    everybody = shop.audience(people("ann@x.example", "bob@x.example", "eve@x.example"), "All")
    # Here Bob is the first person, and his address is written in another way.
    banned = shop.audience(people(" BOB@X.example "), "Banned")
    send_out = shop.submit(shop.mail(everybody, exclude=[banned]))
    # u000000 is excluded as a person, Bob by his address.
    assert set(shop.inbox()) == {"eve@x.example"}
    assert shop.reasons(send_out) == {"excluded": 2}


def test_somebody_without_an_address_in_the_excluded_audience_is_excluded_as_a_person(shop: Shop) -> None:
    everybody, banned = shop.audience(mails(2), "All"), shop.audience(people(None), "Banned")
    send_out = shop.submit(shop.mail(everybody, exclude=[banned]))
    assert set(shop.inbox()) == {"c1@x.example"} and shop.reasons(send_out) == {"excluded": 1}


def test_people_without_an_address_are_not_all_the_same_person(shop: Shop) -> None:
    everybody = shop.audience(people(None, None, "ann@x.example"), "All")
    banned = shop.audience(people("zoe@x.example"), "Banned")
    assert reach(everybody, without=(banned,)) == gathering.Reach(people=3, left_out=1, reachable=1)


def test_mobile_numbers_are_the_same_with_and_without_the_prefix(sms_shop: Shop) -> None:
    everybody = sms_shop.audience(numbers(3), "All")
    banned = sms_shop.audience([("+86 138-0013-1001", None, None, None)], "Banned")
    crowd = targeting.as_computed([everybody], [banned], "mobile")
    # The first as a person, the second by the number.
    assert gathering.reach(crowd) == gathering.Reach(people=3, left_out=2, reachable=1)


def test_what_is_counted_before_is_what_is_sent(shop: Shop) -> None:
    first, second = shop.audience(mails(4), "First"), shop.audience(mails(7), "Second")
    banned = shop.audience(mails(3), "Banned")
    assert reach(first, second, without=(banned,)) == gathering.Reach(people=7, left_out=3, reachable=4)
    send_out = shop.mail(first, audiences=[first, second], exclude=[banned])
    assert targeting.people(send_out) == 4
    assert queries.effect(shop.submit(send_out))["sent"] == 4


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_plain_sets(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)

    def some(count: int) -> list[str | None]:
        names = [f"p{number}@x.example" for number in range(12)]
        written = [*names, *map(str.upper, names), *(f" {name} " for name in names), *[None] * 8]
        return [chance.choice(written) for _place in range(count)]

    sides = [some(chance.randrange(3, 12)) for _audience in range(4)]
    rows = [shop.audience(people(*side), f"No. {number}") for number, side in enumerate(sides)]

    def plain(address: str | None) -> str | None:
        return address.strip().lower() if address else None

    everybody: dict[int, str | None] = {}
    for side in sides[:2]:
        for person, address in enumerate(side):
            everybody[person] = everybody.get(person) or plain(address)
    persons = {person for side in sides[2:] for person in range(len(side))}
    addresses = {plain(address) for side in sides[2:] for address in side} - {None}
    banned = {person for person, address in everybody.items() if person in persons or address in addresses}
    left = {address for person, address in everybody.items() if person not in banned} - {None}
    expected = gathering.Reach(len(everybody), len(banned), len(left))
    assert reach(*rows[:2], without=tuple(rows[2:])) == expected
    send_out = shop.submit(shop.mail(rows[0], audiences=rows[:2], exclude=rows[2:]))
    assert {address.lower() for address in shop.inbox()} == left
    assert queries.effect(send_out)["excluded"] == len(banned)


def test_an_excluded_audience_without_members_keeps_everything_from_leaving(shop: Shop) -> None:
    everybody, banned = shop.audience(mails(2), "All"), shop.audience(mails(1), "Banned")
    send_out = shop.mail(everybody, exclude=[banned])
    Audience.objects.filter(pk=banned.pk).update(current=None)
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, send_out)
    assert refused.value.code == "audience_empty" and "Banned" in str(refused.value)
    assert not shop.inbox()


def test_a_version_that_is_lost_on_the_way_stops_it_instead_of_excluding_nobody(shop: Shop) -> None:
    everybody, banned = shop.audience(mails(2), "All"), shop.audience(mails(1), "Banned")
    send_out = shop.mail(everybody, exclude=[banned])
    send_out.audience_version = everybody.current
    send_out.save()
    with pytest.raises(ValidationFailed):
        targeting.pinned(send_out)


def test_audiences_are_refreshed_first_where_that_is_asked_for(shop: Shop) -> None:
    everybody, banned = shop.audience(mails(3), "All"), shop.audience(mails(1), "Banned")
    shop.submit(shop.mail(everybody, exclude=[banned], refresh_first=True))
    for row in (everybody, banned):
        before = row.version
        row.refresh_from_db()
        assert row.version == before + 1
    assert SendOutAudience.objects.get().version == banned.current


def errors_of(shop: Shop, audience: Audience, **more: Any) -> dict[str, Any]:
    with pytest.raises(ValidationFailed) as refused:
        shop.mail(audience, **more)
    return refused.value.errors


def test_more_than_ten_audiences_are_refused_at_their_field(shop: Shop) -> None:
    rows = [shop.audience(mails(1), f"No. {number}") for number in range(12)]
    assert list(errors_of(shop, rows[0], audiences=rows[:11])) == ["audiences"]
    assert list(errors_of(shop, rows[0], name="Two", exclude=rows[1:])) == ["exclude"]


def test_an_audience_on_both_sides_is_refused(shop: Shop) -> None:
    first, second = shop.audience(mails(1), "First"), shop.audience(mails(2), "Second")
    found = errors_of(shop, first, audiences=[first, second], exclude=[second])
    assert "Second" in found["exclude"][0]


def test_audiences_of_two_data_sources_are_refused_by_name(shop: Shop) -> None:
    first, second = shop.audience(mails(1), "First"), shop.audience(mails(2), "Second")
    Audience.objects.filter(pk=second.pk).update(source="elsewhere")
    second.refresh_from_db()
    assert "Second" in errors_of(shop, first, audiences=[first, second])["audiences"][0]
    assert "Second" in errors_of(shop, first, name="Two", exclude=[second])["exclude"][0]


def test_an_audience_without_the_channels_id_is_refused_by_name(shop: Shop) -> None:
    first, second = shop.audience(mails(1), "First"), shop.audience(mails(2), "Second")
    Audience.objects.filter(pk=second.pk).update(save_ids=["mobile"])
    second.refresh_from_db()
    assert "Second" in errors_of(shop, first, exclude=[second])["exclude"][0]


def test_an_audience_that_one_does_not_see_cannot_be_chosen(shop: Shop) -> None:
    mine, hidden = shop.audience(mails(1), "Mine"), shop.audience(mails(2), "Hidden")
    analyst = Shop(shop.sandbox, make_access(shop.workspace, "analyst"))
    Audience.objects.filter(pk=mine.pk).update(public=True)
    send_out = shop.mail(mine)
    send_out.owner = analyst.access.user
    send_out.save()
    for changes in ({"audiences": [mine, hidden]}, {"exclude": [hidden]}):
        with pytest.raises(ValidationFailed) as refused:
            services.update(analyst.access, send_out, changes)
        assert "you may use" in str(refused.value)


def test_every_audience_of_a_send_out_is_kept_by_it(shop: Shop) -> None:
    first, second = shop.audience(mails(1), "First"), shop.audience(mails(2), "Second")
    banned = shop.audience(mails(1), "Banned")
    shop.mail(first, audiences=[first, second], exclude=[banned])
    for row in (first, second, banned):
        assert [use.name for use in usage.used_by(row)] == ["Letter"]
        with pytest.raises(Conflict):
            audience_services.delete(shop.access, row)


def test_a_copy_has_the_same_audiences_and_one_alone_takes_the_place_of_all(shop: Shop) -> None:
    first, second = shop.audience(mails(1), "First"), shop.audience(mails(2), "Second")
    banned = shop.audience(mails(1), "Banned")
    made = copying.copy(shop.access, shop.mail(first, audiences=[first, second], exclude=[banned]))
    assert targeting.included(made) == [first, second] and targeting.excluded(made) == [banned]
    services.update(shop.access, made, {"audience": second})
    made.refresh_from_db()
    assert targeting.included(made) == [second] and targeting.excluded(made) == [banned]


def test_an_audience_can_change_sides(shop: Shop) -> None:
    first, second = shop.audience(mails(1), "First"), shop.audience(mails(2), "Second")
    made = shop.mail(first, exclude=[second])
    services.update(shop.access, made, {"audiences": [second], "exclude": [first]})
    made.refresh_from_db()
    assert targeting.included(made) == [second] and targeting.excluded(made) == [first]


def test_the_api_takes_one_audience_or_several(shop: Shop, client: Any) -> None:
    first, second = shop.audience(mails(2), "First"), shop.audience(mails(3), "Second")
    banned = shop.audience(mails(1), "Banned")
    send_out = shop.mail(first)
    base = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/"
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}

    def call(method: str, path: str, body: Any = None) -> Any:
        return getattr(client, method)(base + path, body, content_type="application/json", headers=headers)

    found = call("get", f"{send_out.pk}/").json()
    assert (found["audience"], found["audiences"], found["exclude"]) == (first.pk, [first.pk], [])
    body = {"audiences": [second.pk, first.pk], "exclude": [banned.pk]}
    changed = call("patch", f"{send_out.pk}/", body).json()
    assert (changed["audience"], changed["audiences"]) == (second.pk, [second.pk, first.pk])
    assert changed["exclude"] == [banned.pk]
    wrong = call("patch", f"{send_out.pk}/", {"exclude": [banned.pk, "aud_none"]})
    assert wrong.status_code == 400 and list(wrong.json()["errors"]) == ["exclude/1"]
    counted = call("post", "reach/", {"channel": "email", **body})
    assert counted.json().items() >= {"people": 3, "left_out": 1, "reachable": 2}.items()
    assert call("post", "reach/", {"channel": "email", "audiences": ["aud_none"]}).status_code == 404
