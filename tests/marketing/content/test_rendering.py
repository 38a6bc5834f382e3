"""Filling templates."""

from __future__ import annotations

import pytest

from marketing.content.rendering import (
    fill,
    links,
    personal_text,
    plain_text,
    replace_links,
    variables,
)


def test_variables_come_once_in_order_of_first_use() -> None:
    assert variables("Hi ${name}", "${city} ${name}", "") == ["name", "city"]


@pytest.mark.parametrize("text", ["${1st}", "${}", "${two words}", "$name", "${" + "a" * 33 + "}"])
def test_what_is_no_variable_stays_as_it_is(text: str) -> None:
    assert variables(text) == []
    assert fill(text, {"name": "x"}) == text


def test_a_value_never_becomes_markup_in_html() -> None:
    assert fill("<b>${name}</b>", {"name": "<script>"}, escape=True) == "<b>&lt;script&gt;</b>"


def test_a_variable_without_a_value_leaves_nothing() -> None:
    assert fill("Hi ${name}!", {}) == "Hi !"


def test_a_value_that_looks_like_a_variable_is_not_filled_again() -> None:
    assert fill("${a}", {"a": "${b}", "b": "secret"}) == "${b}"


def test_links_are_found_once_with_entities_resolved() -> None:
    html = "<a href=\"https://x.example/?a=1&amp;b=2\">x</a><a class=k href='https://x.example/?a=1&amp;b=2'>y</a>"
    assert links(html) == ["https://x.example/?a=1&b=2"]


def test_only_web_links_are_replaced() -> None:
    html = '<a href="https://x.example/">x</a> <a href="mailto:a@b.example">m</a> <img src="https://x.example/i.png">'
    swapped = replace_links(html, lambda url: f"https://t.example/?to={len(url)}&x=1")
    assert '<a href="https://t.example/?to=18&amp;x=1">' in swapped
    assert "mailto:a@b.example" in swapped
    assert 'src="https://x.example/i.png"' in swapped


def test_plain_text_keeps_words_and_link_addresses_and_drops_styles() -> None:
    html = (
        "<html><head><title>t</title><style>p{color:red}</style></head><body><p>Dear  Ann,</p>"
        '<p>see <a href="https://x.example/">the offer</a></p><ul><li>one</li><li>two</li></ul></body></html>'
    )
    assert plain_text(html) == "Dear Ann,\n\nsee the offer (https://x.example/)\n\n- one\n- two"


def test_the_text_for_one_person_is_that_of_the_filled_mail() -> None:
    html = (
        "<p>Dear ${name}, see <a href='https://x.example/?a=1&amp;b=2'>the offer</a>,</p>"
        "<p><a href='https://x.example/${name}'>yours</a> or <a href='https://y.example/'>ours</a></p>"
    )
    values = {"name": "Ann & Bo"}
    tracked = {
        "https://x.example/?a=1&b=2": "https://t.example/1",
        "https://y.example/": "https://t.example/2",
    }
    filled = replace_links(fill(html, values, escape=True), lambda url: tracked.get(url, url))
    assert personal_text(html, values, tracked) == plain_text(filled)
    assert "the offer (https://t.example/1)" in plain_text(filled)


def test_what_a_person_s_value_says_is_no_link_of_ours() -> None:
    tracked = {"https://y.example/": "https://t.example/2"}
    assert (
        personal_text("<p>${name}</p>", {"name": "(https://y.example/)"}, tracked) == "(https://y.example/)"
    )
