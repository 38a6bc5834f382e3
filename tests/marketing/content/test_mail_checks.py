"""What is said of a mail before it goes out, and what cannot be saved at all."""

from __future__ import annotations

import pytest

from cdp.core.errors import ValidationFailed
from marketing.channels.base import Message
from marketing.channels.smtp import compose
from marketing.content import mail_checks, services
from marketing.content.models import Template
from tests.factories import make_access

GOOD = '<p>Dear people, this is a letter with words enough.</p><a href="https://x.example/unsubscribe">Unsubscribe</a>'


def codes(html: str = GOOD, subject: str = "Hello") -> list[str]:
    return [row.code for row in mail_checks.of(Template(channel="email", subject=subject, html=html))]


def test_a_good_mail_has_nothing_to_look_at() -> None:
    assert codes() == ["fine"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ('<img src="https://x.example/a.png">', "missing_alt"),
        ('<a href="">x</a>', "empty_link"),
        ('<a href="#">x</a>', "empty_link"),
        ('<a href="www.x.example">x</a>', "bad_link"),
        ('<a href="ftp://x.example">x</a>', "bad_link"),
        ('<img src="a.png" alt="A">', "picture_address"),
        ("<form></form>", "unusable"),
        ('<a href="http://x.example/a">x</a>', "http_link"),
        ('<a href="https://x.example/unsubscribe">x</a>', "duplicate_link"),
        ('<map><area href="" alt="x"></map>', "empty_link"),
        (f"<!-- {'x' * 29_000} -->", "large"),
        (f"<!-- {'x' * 105_000} -->", "clipped"),
    ],
)
def test_each_rule_finds_what_it_is_for(more: str, code: str) -> None:
    assert codes(GOOD + more) == [code]


@pytest.mark.parametrize(
    "more",
    [
        '<img src="https://x.example/a.png" alt="">',
        '<a href="mailto:shop@x.example">x</a>',
        '<a href="tel:+44123">x</a>',
        '<a href="${link}">x</a>',
        '<a name="top">x</a>',
    ],
)
def test_what_is_right_is_not_found(more: str) -> None:
    assert codes(GOOD + more) == ["fine"]


@pytest.mark.parametrize(
    ("subject", "code"), [("x" * 61, "long_subject"), ("BUY THIS NOW", "capitals"), ("Now!!", "exclamation")]
)
def test_subjects_that_are_too_long_or_loud_are_found(subject: str, code: str) -> None:
    assert codes(subject=subject) == [code]


def test_a_mail_without_a_link_to_unsubscribe_is_told_that_one_is_added() -> None:
    assert codes("<p>Dear people</p>") == ["no_unsubscribe"]


def test_a_mail_without_words_needs_a_plain_text_part() -> None:
    html = '<a href="https://x.example/unsubscribe"><img src="https://x.example/a.png" alt=""></a>'
    assert "missing_text" in codes(html)
    written = Template(channel="email", subject="Hello", html=html, text="Dear people")
    assert "missing_text" not in [row.code for row in mail_checks.of(written)]


def test_problems_come_before_advice() -> None:
    found = mail_checks.of(
        Template(channel="email", subject="Hi!!", html='<img src="https://x.example/a.png">')
    )
    assert [row.level for row in found] == ["problem", "problem", "advice", "advice", "advice"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<iframe src="https://x.example"></iframe>',
        '<p onclick="x()">x</p>',
        '<a href="javascript:x()">x</a>',
        '<a href=" java&#10;script:x()">x</a>',
        "<object></object>",
    ],
)
def test_html_that_runs_is_refused(html: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.create_template(make_access(), "email", {"name": "A", "subject": "S", "html": html})
    assert "html" in caught.value.errors


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["subject", "sender_name"])
def test_a_line_break_in_a_header_is_refused(field: str) -> None:
    values = {"name": "A", "subject": "S", "html": GOOD, field: "Hello\r\nBcc: all@x.example"}
    with pytest.raises(ValidationFailed) as caught:
        services.create_template(make_access(), "email", values)
    assert field in caught.value.errors


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028", "\x00", "\x85"])
def test_a_person_s_own_value_adds_no_header_to_the_mail(break_: str) -> None:
    message = Message(1, "ann@x.example", f"Dear Ann{break_}Bcc: all@x.example", "<p>Hi</p>", "Hi")
    mail = compose(message)
    assert mail["Bcc"] is None and b"\nBcc:" not in mail.as_bytes()
    assert mail["Subject"] == "Dear Ann Bcc: all@x.example"
