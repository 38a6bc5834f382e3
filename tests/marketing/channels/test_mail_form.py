"""The MIME form of a mail: what a reader's program finds is what was written, in a form that every server takes."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from marketing.channels.base import Message
from marketing.channels.smtp import compose

LONGEST = 998


def sent(text: str, html: str = "", subject: str = "News", **headers: str) -> tuple[EmailMessage, bytes]:
    given = {"From": "Shop <shop@x.example>", "Message-ID": "<1.a@x.example>", **headers}
    message = Message(1, "a@x.example", subject=subject, html=html, text=text, headers=given)
    raw = compose(message).as_bytes()
    read = message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(read, EmailMessage)
    return read, raw


def words(part: EmailMessage) -> str:
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hello Oslo\n\nhave a look", "7bit"),
        ("From here, a line\n.with a dot", "7bit"),
        ("Déjeuner in the café " + "as always " * 20, "quoted-printable"),
        ("你好，来看看新品。" * 60, "base64"),
        ("https://x.example/" + "a" * LONGEST, "quoted-printable"),
    ],
)
def test_both_parts_arrive_as_written_in_lines_that_servers_take(text: str, encoding: str) -> None:
    mail, raw = sent(text, f"<p>{text}</p>")
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert words(plain) == text and words(html) == f"<p>{text}</p>"
    assert {part["Content-Transfer-Encoding"] for part in (plain, html)} == {encoding}
    assert raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= LONGEST
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_mail_without_html_is_one_part() -> None:
    mail, _raw = sent("Hello")
    assert mail.get_content_type() == "text/plain" and words(mail) == "Hello"


@pytest.mark.parametrize("subject", ["News from Oslo", "双十一 sale: 你好", "é" * 200, ""])
def test_subjects_are_read_as_written(subject: str) -> None:
    mail, raw = sent("Hello", subject=subject)
    assert str(mail["Subject"]) == subject and raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_long_addresses_in_headers_are_not_broken_up() -> None:
    address = "<https://x.example/t/u/" + "a1" * 300 + ">"
    _mail, raw = sent("Hello", **{"List-Unsubscribe": address})
    assert f"List-Unsubscribe: {address}\r\n".encode() in raw


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_no_value_adds_a_header(end: str) -> None:
    mail, _raw = sent("Hello", subject=f"News{end}Bcc: b@x.example", **{"X-Shop": f"a{end}Bcc: b@x.example"})
    assert mail["Bcc"] is None and mail["Subject"] == "News Bcc: b@x.example"
