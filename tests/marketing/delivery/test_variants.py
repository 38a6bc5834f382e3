"""Variants of a message: who gets which, and how they did."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from marketing.content import services as contents
from marketing.content.models import Template
from marketing.delivery import copying, expiry, queries, retention, services, significance, split, trial
from marketing.delivery.composition import Share, shares_of
from marketing.delivery.models import Recipient, SendOut, TrackedLink
from marketing.sandbox.store import Wanted
from tests.factories import make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails, numbers
from tests.marketing.delivery.test_recipients import variable


def letter(shop: Shop, name: str, **more: Any) -> Template:
    written = {"name": name, "subject": f"Hello {name}", "html": f"<p>{name}</p>", **more}
    return contents.create_template(shop.access, "email", written)


def two(shop: Shop, count: int = 40, shares: tuple[int, int] = (50, 50), **more: Any) -> SendOut:
    rows = [Share(letter(shop, name), share) for name, share in zip("AB", shares, strict=True)]
    return shop.mail(shop.audience(mails(count)), variants=rows, **more)


def by_hand(send_out: SendOut, shares: list[int], person: str) -> int:
    """The variant that a person's lot falls to, counted up one lot at a time."""
    fates = [number for number, share in enumerate(shares) for _lot in range(share * split.LOTS // 100)]
    return fates[split.lot(f"variant:{send_out.pk}", person)]


def test_each_person_gets_the_one_variant_of_their_lot(shop: Shop) -> None:
    send_out = shop.submit(two(shop, shares=(70, 30)))
    expected = {f"c{n}@x.example": by_hand(send_out, [70, 30], f"u{n:06}") for n in range(40)}
    assert set(expected.values()) == {0, 1}
    assert set(shop.inbox().values()) == {1} and len(shop.inbox()) == 40
    for address, number in list(expected.items())[:8]:
        assert shop.source(address)["Subject"] == f"Hello {'AB'[number]}"
    assert shop.subjects() == sorted(f"Hello {'AB'[number]}" for number in expected.values())


@pytest.mark.parametrize("shares", [[50, 50], [33, 33, 34], [1, 97, 1, 1]])
def test_variants_get_about_their_shares(shares: list[int]) -> None:
    send_out = SendOut(pk="snd_x")
    drawn = [split.variant_of(send_out, shares, f"u{number}") for number in range(20_000)]
    for number, share in enumerate(shares):
        assert drawn.count(number) == pytest.approx(200 * share, rel=0.25)
    assert drawn[:50] == [by_hand(send_out, shares, f"u{number}") for number in range(50)]


def test_without_variants_everybody_gets_the_same() -> None:
    assert {split.variant_of(SendOut(pk="snd_x"), [], f"u{number}") for number in range(99)} == {0}


def test_the_control_group_has_no_connection_with_the_variants() -> None:
    send_out = SendOut(pk="snd_x", workspace_id="wsp_x", holdout=50)
    people = [f"u{number}" for number in range(20_000)]
    back = [
        split.variant_of(send_out, [50, 50], person)
        for person in people
        if split.is_kept_back(send_out, person)
    ]
    assert sum(back) / len(back) == pytest.approx(0.5, abs=0.02)


def test_each_variant_has_its_own_variables(shop: Shop) -> None:
    audience = shop.audience([(None, f"c{n}@x.example", "Bath" if n % 2 else None, None) for n in range(60)])
    rows = [Share(letter(shop, "A"), 50), Share(letter(shop, "B", subject="In ${place}"), 50)]
    filled = variable(shop, audience, missing="skip", value="")
    send_out = shop.submit(shop.mail(audience, variants=rows, variables=filled))
    skipped = {f"u{n:06}" for n in range(0, 60, 2) if by_hand(send_out, [50, 50], f"u{n:06}") == 1}
    assert set(send_out.recipients.filter(reason="missing_value").values_list("person", flat=True)) == skipped
    assert set(shop.subjects()) == {"Hello A", "In Bath"}


def test_the_platform_gets_each_variants_own_text(sms_shop: Shop) -> None:
    send_out = sms_shop.sms(sms_shop.audience(numbers(20)))
    other = contents.create_template(sms_shop.access, "sms", {"name": "Other", "text": "Bye"})
    rows = [Share(send_out.template, 50), Share(other, 50)]
    send_out = services.update(sms_shop.access, send_out, {"variants": rows})
    with pytest.raises(Conflict) as refused:
        services.submit(sms_shop.access, send_out)
    assert refused.value.code == "template_not_approved"
    contents.submit_for_review(sms_shop.access, other, send_out.provider)
    send_out = sms_shop.submit(send_out)
    people = {f"1380013{1000 + n}": by_hand(send_out, [50, 50], f"u{n:06}") for n in range(20)}
    got = {row["recipient"]: row for row in sms_shop.sandbox.store.messages(Wanted(), limit=100)}
    assert set(got) == set(people)
    for number, variant in people.items():
        assert ("Hello", "Bye")[variant] in str(got[number])
    assert set(send_out.batches.values_list("variant", flat=True)) == {0, 1}


def test_links_of_all_variants_are_counted(shop: Shop) -> None:
    pages = [letter(shop, name, html=f'<a href="https://x.example/{name}">x</a>') for name in "AB"]
    send_out = shop.mail(shop.audience(mails(6)), variants=[Share(page, 50) for page in pages])
    send_out = shop.submit(send_out)
    assert set(TrackedLink.objects.values_list("url", flat=True)) == {
        "https://x.example/A",
        "https://x.example/B",
    }
    html = shop.source("c0@x.example").get_body(("html",)).get_content()
    assert "/t/c/" in html and "https://x.example/" not in html


def test_those_who_failed_get_their_own_variant_again(shop: Shop) -> None:
    rows = [Share(letter(shop, name), 50) for name in "AB"]
    send_out = shop.submit(shop.mail(shop.audience(mails(12, "bounce-soft-")), variants=rows))
    again = copying.resend(shop.access, send_out)
    assert shares_of(again) == rows
    again = shop.submit(again)
    found = [dict(row.recipients.values_list("person", "variant")) for row in (send_out, again)]
    assert found[0] == found[1] and set(found[0].values()) == {0, 1}


def test_a_copy_has_the_same_variants_and_a_template_alone_takes_their_place(shop: Shop) -> None:
    send_out = two(shop, 2)
    made = copying.copy(shop.access, send_out)
    assert shares_of(made) == shares_of(send_out)
    made = services.update(shop.access, made, {"template": made.template})
    assert not made.variants.exists()


def read(send_out: SendOut, variant: int, opened: int, clicked: int) -> None:
    rows = list(send_out.recipients.filter(variant=variant, state="delivered").values_list("pk", flat=True))
    Recipient.objects.filter(pk__in=rows[:opened]).update(opened_at=timezone.now())
    Recipient.objects.filter(pk__in=rows[:clicked]).update(clicked_at=timezone.now())


def test_results_are_those_of_each_variants_people(shop: Shop) -> None:
    send_out = shop.submit(two(shop, 80))
    read(send_out, 0, 25, 2)
    read(send_out, 1, 4, 1)
    people = [send_out.recipients.filter(variant=number).count() for number in (0, 1)]
    first, second = queries.variants(send_out)
    assert [row["sent"] for row in (first, second)] == people
    assert (first["variant"], first["differences"], second["variant"]) == ("A", {}, "B")
    rates = [significance.rate(25, people[0]), significance.rate(4, people[1])]
    assert [row["rates"]["opened"] for row in (first, second)] == [rate.as_json() for rate in rates]
    compared = significance.compare(rates[1], rates[0])
    assert compared is not None and second["differences"]["opened"] == compared.as_json()
    assert compared.significant and second["differences"]["clicked"]["few"]


def test_results_stay_when_the_recipients_go(shop: Shop) -> None:
    send_out = shop.submit(two(shop, 10))
    before = queries.summary(send_out)
    SendOut.objects.update(finished_at=timezone.now() - retention.LEAST)
    expiry.delete_old_recipients()
    send_out.refresh_from_db()
    assert not send_out.recipients.exists() and queries.variants(send_out) == before["variants"]


def test_the_page_says_which_is_better_and_where_people_are_too_few(shop: Shop) -> None:
    send_out = shop.submit(two(shop, 80))
    read(send_out, 0, 5, 1)
    read(send_out, 1, 25, 1)
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    assert "Better than A" in page and "Too few people to say" in page


def errors_of(shop: Shop, rows: list[Share]) -> list[str]:
    with pytest.raises(ValidationFailed) as refused:
        shop.mail(shop.audience(mails(1)), variants=rows)
    return refused.value.errors["variants"]


@pytest.mark.parametrize(
    ("names", "shares", "message"),
    [
        ("AB", [40, 50], "together they are 100 %"),
        ("A", [100], "2 to 4"),
        ("ABCDE", [20] * 5, "2 to 4"),
        ("AA", [50, 50], "of its own"),
    ],
)
def test_what_cannot_be_compared_is_refused(shop: Shop, names: str, shares: list[int], message: str) -> None:
    pages = {name: letter(shop, name) for name in sorted(set(names))}
    rows = [Share(pages[name], share) for name, share in zip(names, shares, strict=True)]
    assert message in errors_of(shop, rows)[0]


def test_a_promotion_and_a_notice_are_not_compared(shop: Shop) -> None:
    first, notice = letter(shop, "A"), letter(shop, "B", purpose="notice")
    assert "same purpose" in errors_of(shop, [Share(first, 50), Share(notice, 50)])[0]


def test_each_variant_can_be_looked_at(shop: Shop) -> None:
    send_out = two(shop, 2)
    assert [trial.preview(send_out, variant=number)["subject"] for number in (0, 1)] == ["Hello A", "Hello B"]
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/", variant="B").content.decode()
    assert "Hello B" in page and "Hello A" not in page


def test_a_test_sends_the_variant_that_is_asked_for(shop: Shop) -> None:
    trial.send_test(shop.access, two(shop, 2), ["me@x.example"], variant=1)
    assert shop.subjects() == ["[Test] Hello B"]


def test_the_api_takes_and_shows_variants(shop: Shop, client: Any) -> None:
    send_out = two(shop, 2)
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{send_out.pk}/"
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    found = client.get(url, headers=headers).json()
    templates = [row["template"] for row in found["variants"]]
    assert templates[0] == found["template"]
    body = {
        "variants": [
            {"template": key, "share": share} for key, share in zip(templates[::-1], (10, 90), strict=True)
        ]
    }
    changed = client.patch(url, body, content_type="application/json", headers=headers).json()
    assert changed["variants"] == body["variants"] and changed["template"] == templates[1]
    assert client.get(f"{url}preview/?variant=B", headers=headers).json()["subject"] == "Hello A"
    assert client.get(f"{url}preview/?variant=Z", headers=headers).status_code == 400


def test_the_form_makes_variants_with_equal_shares(shop: Shop) -> None:
    first = shop.mail(shop.audience(mails(3)))
    other = letter(shop, "Other")
    console = Browser(shop.access, "send-outs/")
    given = {
        "name": "Letter",
        "provider": first.provider_id,
        "sender": first.sender_id,
        "template": first.template_id,
        "template_b": other.pk,
        "audiences": [first.audience_id],
        "return_path": "random",
        "holdout": 10,
    }
    console.post(f"{first.pk}/edit/", **given)
    first.refresh_from_db()
    assert [(row.template.name, row.share) for row in shares_of(first)] == [("Letter", 50), ("Other", 50)]
    assert first.holdout == 10
    form = console.get(f"{first.pk}/edit/").content.decode()
    assert f'value="{other.pk}" selected' in form and '<details class="variants" open>' in form
    wrong = console.post(f"{first.pk}/edit/", **given, share_a=20, share_b=30)
    assert wrong.status_code == 422 and "together they are 100 %" in wrong.content.decode()


def test_the_form_counts_who_can_be_reached(shop: Shop) -> None:
    everybody, banned = shop.audience(mails(5), "All"), shop.audience(mails(2), "Banned")
    console = Browser(shop.access, "send-outs/")
    part = console.get("reach/email/", audiences=everybody.pk, exclude=banned.pk).content.decode()
    assert "<strong>3</strong> of 5 people can be reached, 2 are left out" in part
    assert console.get("reach/email/").content.decode().strip() == ""
    assert console.get("reach/fax/").status_code == 404
