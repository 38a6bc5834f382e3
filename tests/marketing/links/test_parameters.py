"""Short parameters: six characters of everybody's own behind a short link."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from marketing.links import parameters, queries
from marketing.links.models import LinkClick, LinkKey, ShortLink
from tests.marketing.links.shop import follow, make_link, make_shop

ANN, BOB = "13800138000", "13800138001"


@pytest.fixture
def access(db: None) -> Any:
    return make_shop()


@pytest.fixture
def link(access: Any) -> ShortLink:
    return make_link(access)


def code_of(link: ShortLink, mobile: str) -> str:
    keys = parameters.keys_of(link.workspace_id, link.url_with_parameter)
    return parameters.values(keys, mobile)[f"sp_{link.code}"]


def test_a_click_with_a_short_parameter_is_that_persons(link: ShortLink) -> None:
    follow(link, f"?ph={code_of(link, ANN)}")
    follow(link, f"?ph={code_of(link, ANN)}", ip="203.0.113.8")
    follow(link, f"?ph={code_of(link, BOB)}")
    people = {queries.mobile(link, row["person"]): row["clicks"] for row in queries.people(link)}
    assert people == {ANN: 2, BOB: 1}


def test_both_forms_of_address_name_the_same_person(link: ShortLink) -> None:
    long = str(link.url_for(ANN)).partition("?")[2]
    follow(link, f"?{long}")
    follow(link, f"?ph={code_of(link, ANN)}")
    assert queries.numbers(link)["named"] == 1


def test_a_code_of_a_link_that_was_never_sent_names_nobody(access: Any, link: ShortLink) -> None:
    sent = code_of(make_link(access, name="Other"), ANN)
    follow(link, f"?ph={sent}")
    assert LinkClick.objects.get().person == ""


def test_texts_of_one_workspace_share_a_key_that_the_database_does_not_tell(
    access: Any, link: ShortLink
) -> None:
    other = make_link(access, name="Other")
    assert code_of(link, ANN) == code_of(other, ANN)
    key = LinkKey.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM links_linkkey")
        [(stored,)] = cursor.fetchall()
    assert key.key not in stored


def test_a_link_that_was_sent_keeps_its_key_when_another_comes(access: Any, link: ShortLink) -> None:
    code = code_of(link, ANN)
    LinkKey.objects.create(workspace=access.workspace)
    assert code_of(link, ANN) == code
    assert code_of(make_link(access, name="Later"), ANN) != code
    follow(link, f"?ph={code}")
    assert [row["person"] for row in queries.people(link)] != [""]


def test_what_is_no_mobile_number_has_no_parameter(link: ShortLink) -> None:
    assert code_of(link, "85261234567") == ""


def test_a_parameter_stands_behind_its_own_link(access: Any, link: ShortLink) -> None:
    other = make_link(access, name="Other")
    assert parameters.strangers(access.workspace, [f"Come: {link.url_with_parameter} now"]) == []
    wrong = f"{other.url}?ph=${{sp_{link.code}}}"
    assert parameters.strangers(access.workspace, [wrong]) == [f"${{sp_{link.code}}}"]
    assert parameters.strangers(access.workspace, ["https://x.example/s/AAAAAA?ph=${sp_AAAAAA}"])
