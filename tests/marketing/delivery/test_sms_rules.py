"""What SMS may hold, and everybody's own characters in their short links."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from insight.audiences import outside
from insight.audiences.models import Audience
from marketing.content import services as contents
from marketing.content import sms_length
from marketing.delivery import sms_rules, trial
from marketing.delivery.models import SendOut
from marketing.links import queries
from marketing.links import services as links
from marketing.links.models import LinkDomain, ShortLink
from marketing.sandbox.contract import shown_text
from marketing.sandbox.store import Wanted
from tests.marketing.delivery.shop import Shop, numbers
from tests.marketing.links.shop import follow

CITY = {"name": {"dataset": "", "tag": "", "missing": "replace", "value": "Ann"}}
PROMOTION, NOTICE = {"purpose": "promotion"}, {"purpose": "notice"}


def make_link(shop: Shop, name: str = "Sale") -> ShortLink:
    if not LinkDomain.objects.in_workspace(shop.workspace).exists():
        links.add_domain(shop.access, "shop.example.com")
    return links.create(shop.access, name=name, target="https://shop.example.com/", days=7)


@pytest.mark.parametrize(
    ("config", "purpose", "allowed"),
    [
        ({"promo_variables": False}, PROMOTION, False),
        ({"promo_variables": True}, PROMOTION, True),
        ({"notify_variables": False}, NOTICE, False),
        ({"notify_variables": True}, NOTICE, True),
        ({"promo_variables": False, "auto_approve_text_templates": True}, PROMOTION, True),
    ],
)
def test_variables_are_taken_as_the_platform_says(
    shop: Shop, config: dict[str, Any], purpose: dict[str, str], *, allowed: bool
) -> None:
    def make() -> SendOut:
        template = {"text": "Hello ${name}", **purpose}
        return shop.sms(shop.audience(numbers(1)), config=config, template=template, variables=CITY)

    if allowed:
        assert make().pk
    else:
        with pytest.raises(ValidationFailed) as refused:
            make()
        assert "variables" in refused.value.errors["template"][0]


@pytest.mark.parametrize(
    ("config", "form", "allowed"),
    [
        ({"short_links": False}, "url", False),
        ({"short_links": True}, "url", True),
        ({"short_links": True}, "url_with_parameter", False),
        ({"short_links": False, "short_params": True}, "url_with_parameter", True),
    ],
)
def test_links_are_taken_as_the_platform_says(
    shop: Shop, config: dict[str, Any], form: str, *, allowed: bool
) -> None:
    text = f"See {getattr(make_link(shop), form)}"
    audience = shop.audience(numbers(1))
    if allowed:
        assert shop.sms(audience, config=config, template={"text": text}).pk
    else:
        with pytest.raises(ValidationFailed) as refused:
            shop.sms(audience, config=config, template={"text": text})
        assert "template" in refused.value.errors


def test_a_promotion_has_no_more_links_than_the_platform_takes(shop: Shop) -> None:
    text = f"{make_link(shop).url} {make_link(shop, 'Other').url}"
    audience = shop.audience(numbers(1))
    with pytest.raises(ValidationFailed):
        shop.sms(audience, config={"max_links_promo": 1}, template={"text": text})
    notice = shop.sms(audience, "Notice", config={"max_links_promo": 1}, template={"text": text, **NOTICE})
    assert sms_rules.warnings(notice) == []
    assert len(sms_rules.warnings(shop.sms(audience, "Two", template={"text": text}))) == 1


@pytest.mark.parametrize(
    "text", ["https://x.example/?a=${name}", "See https://x.example/${name}/", "http://x.example?${name}"]
)
def test_a_variable_inside_a_link_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        contents.create_template(shop.access, "sms", {"name": "T", "text": text})
    assert "link" in refused.value.errors["text"][0]


def test_names_that_begin_with_sp_are_for_short_parameters(shop: Shop) -> None:
    with pytest.raises(ValidationFailed):
        contents.create_template(shop.access, "sms", {"name": "T", "text": "Hi ${sp_name}"})


def test_a_mail_has_no_short_parameter(shop: Shop) -> None:
    text = make_link(shop).url_with_parameter
    with pytest.raises(ValidationFailed):
        contents.create_template(shop.access, "email", {"name": "T", "subject": "S", "text": text})


def uploaded(shop: Shop) -> Audience:
    given = {"id_type": "mobile", "name": "List"}
    audience, _job = outside.upload(shop.access, BytesIO(b"13800131000\n13800131001\n"), "list.csv", given)
    shop.run_jobs()
    audience.refresh_from_db()
    return audience


def test_an_uploaded_list_is_not_used_with_variables_or_short_parameters(shop: Shop) -> None:
    audience, link = uploaded(shop), make_link(shop)
    assert shop.sms(audience, "Plain").pk
    for name, text in (("Variable", "Hello ${name}"), ("Parameter", link.url_with_parameter)):
        with pytest.raises(ValidationFailed) as refused:
            shop.sms(audience, name, config={"short_params": True}, template={"text": text}, variables=CITY)
        assert "List" in refused.value.errors["audiences"][0]


def texts(shop: Shop) -> dict[str, str]:
    rows = shop.sandbox.store.messages(Wanted(), limit=10_000)
    return {row["recipient"]: shown_text(row) for row in rows}


def test_a_thousand_numbers_get_a_thousand_codes_that_name_them(sms_shop: Shop) -> None:
    link = make_link(sms_shop)
    people = numbers(1000, 4000)
    audience = sms_shop.audience(people)
    text = f"Come: {link.url_with_parameter} today"
    send_out = sms_shop.sms(audience, config={"short_params": True}, template={"text": text})
    assert sms_shop.submit(send_out).state == "finished"
    sent = texts(sms_shop)
    code = {to: re.search(r"\?ph=([0-9A-Za-z]{6}) today", shown)[1] for to, shown in sent.items()}  # type: ignore[index]
    assert len(code) == len(set(code.values())) == 1000
    link.refresh_from_db()
    follow(link, f"?ph={code['13800134007']}")
    assert [queries.mobile(link, row["person"]) for row in queries.people(link)] == ["13800134007"]
    assert send_out.batches.count() == 1


def test_a_test_send_has_short_parameters_as_well(sms_shop: Shop) -> None:
    link = make_link(sms_shop)
    template = {"text": link.url_with_parameter}
    send_out = sms_shop.sms(sms_shop.audience(numbers(1)), config={"short_params": True}, template=template)
    assert trial.preview(send_out)["text"].endswith("?ph=xxxxxx")
    trial.send_test(sms_shop.access, send_out, ["13800131111", "13800131112"])
    found = {shown.partition("ph=")[2] for shown in texts(sms_shop).values()}
    assert len(found) == 2 and all(re.fullmatch("[0-9A-Za-z]{6}", code) for code in found)


def test_with_values_in_the_file_people_of_different_texts_share_a_call(sms_shop: Shop) -> None:
    people = [(f"1380013{4000 + n}", None, f"City {n}", None) for n in range(20)]
    audience = sms_shop.audience(people)
    dataset = audience.rule["dataset"]
    city = {"city": {"dataset": dataset, "tag": "city", "missing": "skip", "value": ""}}
    template = {"text": "Hello ${city}"}
    send_out = sms_shop.sms(audience, config={"line_values": True}, template=template, variables=city)
    sms_shop.submit(send_out)
    assert send_out.batches.count() == 1
    assert {shown.removeprefix("【Tide】") for shown in texts(sms_shop).values()} == {
        f"Hello City {n}" for n in range(20)
    }


def test_a_promotion_says_how_to_unsubscribe_where_replies_come_back(sms_shop: Shop) -> None:
    audience = sms_shop.audience(numbers(1))
    sms_shop.submit(sms_shop.sms(audience, "Offer", config={"replies": True}))
    sms_shop.submit(sms_shop.sms(audience, "News", config={"replies": True}, template=NOTICE))
    sms_shop.submit(sms_shop.sms(audience, "Silent"))
    rows = sms_shop.sandbox.store.messages(Wanted(), limit=10)
    assert [shown_text(row) for row in reversed(rows)] == [
        "【Tide】Hello回T退订",
        "【Tide】Hello",
        "【Tide】Hello",
    ]


def test_the_unsubscribe_line_and_the_signature_count(shop: Shop) -> None:
    send_out = shop.sms(shop.audience(numbers(1)), config={"replies": True})
    shown = trial.preview(send_out)
    assert (shown["unsubscribe"], shown["characters"]) == ("回T退订", len("【Tide】Hello回T退订"))


@pytest.mark.parametrize(("length", "parts"), [(70, 1), (71, 2), (134, 2), (135, 3)])
def test_up_to_70_characters_are_one_sms_and_longer_ones_have_parts_of_67(length: int, parts: int) -> None:
    assert sms_length.measure("a" * length).parts == parts


def test_a_short_parameter_counts_as_six_characters(shop: Shop) -> None:
    link = make_link(shop)
    assert sms_length.measure(link.url_with_parameter).characters == len(link.url) + len("?ph=") + 6


def test_a_platform_that_approves_at_once_is_not_asked(shop: Shop) -> None:
    shop.sandbox.options.change({"review_seconds": 60.0})
    send_out = shop.sms(shop.audience(numbers(1)), config={"auto_approve_text_templates": True})
    assert send_out.template.reviews.get().state == "approved"
