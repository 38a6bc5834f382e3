"""Points of a mail, rule by rule."""

from __future__ import annotations

import pytest

from marketing.content import mail_score
from marketing.content.models import Template

WORDS = "<p>Dear people, this is a letter with words enough for everybody.</p>"


def score(html: str = WORDS, subject: str = "Hello") -> mail_score.Score:
    return mail_score.of(Template(channel="email", subject=subject, html=html))


def test_an_ordinary_letter_has_no_points() -> None:
    assert score(WORDS + '<a href="https://shop.example/a">shop.example</a>') == mail_score.Score(
        0, "little", []
    )


@pytest.mark.parametrize(
    ("subject", "code", "points"),
    [
        ("BUY THIS NOW please", "subject_capitals", 1.0),
        ("Now!!", "subject_marks", 0.5),
        ("Re: your order", "subject_reply", 1.0),
        ("转发：通知", "subject_reply", 1.0),
        ("Only $5 instead of $9", "subject_money", 0.5),
        ("You are a winner", "subject_words", 0.5),
        ("恭喜您中奖", "subject_words", 0.5),
    ],
)
def test_each_rule_of_the_subject(subject: str, code: str, points: float) -> None:
    assert [(row.code, row.points) for row in score(subject=subject).rules] == [(code, points)]


@pytest.mark.parametrize(
    ("more", "code", "points"),
    [
        ("<p>Act now, it is risk-free</p>", "words", 0.6),
        ("<p>" + "SHOUTING WORDS " * 20 + "</p>", "capitals", 0.5),
        ('<img src="https://x.example/a.png" alt="A">', "pictures", 1.0),
        ('<a href="https://evil.example/">www.bank.example</a>', "other_address", 2.0),
        ('<a href="https://203.0.113.9/">x</a>', "number_link", 1.5),
        ('<a href="https://bit.ly/x">x</a>', "public_short_link", 1.0),
        ('<a href="http://x.example/">x</a>', "http_link", 0.5),
        ('<a href="https://x.example/">x</a>' * 31, "many_links", 0.5),
        ("<form></form>", "unusable", 1.0),
        (f"<!-- {'x' * 105_000} -->", "clipped", 0.5),
    ],
)
def test_each_rule_of_the_mail(more: str, code: str, points: float) -> None:
    assert [(row.code, row.points) for row in score(WORDS + more).rules] == [(code, points)]


@pytest.mark.parametrize(
    "more",
    [
        '<a href="https://www.shop.example/x">shop.example</a>',
        '<a href="${link}">shop.example</a>',
        '<a href="https://x.example/">Read more.</a>',
    ],
)
def test_honest_links_cost_nothing(more: str) -> None:
    assert score(WORDS + more).points == 0


def test_points_add_up_and_the_heaviest_rule_comes_first() -> None:
    found = score(
        WORDS + '<a href="http://203.0.113.9/">www.bank.example</a>', "Re: URGENT, ACT NOW, WINNER!!"
    )
    assert found.points == sum(row.points for row in found.rules) and found.level == "much"
    assert found.rules[0].code == "other_address"
