"""How much of a mail looks like spam: points by a few open rules, each with its reason.

They are drawn from what filters are known to look at. No filter uses exactly these, and the sender's reputation, which
counts more, is not among them: few points are no promise, many are worth a look.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from marketing.content import mail_checks, rendering
from marketing.content.mail_checks import Page
from marketing.content.models import Template

SOME, MUCH = 2.0, 5.0
"""From here on points are worth a look, and likely to hurt."""
MOST_LINKS = 30
TEXT_PER_PICTURE = 100
_REPLY = re.compile(r"\s*(re|fw|fwd|aw|wg|回复|答复|转发)\s*[:：]", re.IGNORECASE)
_PHRASES = re.compile(
    r"act now|limited time|risk[- ]free|100% free|click here|earn money|extra income|make money|cash bonus|"
    r"you have won|winner|guaranteed|no obligation|urgent|lowest price|order now|free gift|credit card|"
    r"恭喜您?中奖|免费领取|限时抢购|点击领取|稳赚|赚钱|返现|发票|贷款|立即抢购|最后机会|无风险|保证收益",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[!！?？]{2,}|[!！].*[!！]")
_MONEY = re.compile(r"[$€£¥￥]{2,}|[$€£¥￥][\d,.]+.*[$€£¥￥][\d,.]+")
_ADDRESS = re.compile(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:[/?#]\S*)?", re.IGNORECASE)
_SHORTENERS = frozenset(
    [
        "bit.ly",
        "tinyurl.com",
        "t.co",
        "goo.gl",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "rebrand.ly",
        "t.cn",
        "url.cn",
        "dwz.cn",
        "suo.im",
    ]
)


@dataclass(frozen=True)
class Point:
    """A rule that the mail meets."""

    code: str
    points: float
    text: str


@dataclass(frozen=True)
class Score:
    points: float
    level: Literal["little", "some", "much"]
    rules: list[Point]


def of(template: Template) -> Score:
    """The score of an e-mail template; the heaviest rules first."""
    page = mail_checks.read(template.html)
    text = rendering.plain_text(template.html) if template.html else template.text
    found = [*_subject(template.subject), *_words(text), *_pictures(page, text), *_links(page)]
    if page.unusable:
        found.append(Point("unusable", 1.0, _("Forms, films or drawings stand in the mail.")))
    if len(template.html.encode()) > mail_checks.CLIPPED:
        found.append(Point("clipped", 0.5, _("The mail is larger than 102 KB.")))
    total = round(sum(row.points for row in found), 1)
    level: Literal["little", "some", "much"] = (
        "much" if total >= MUCH else "some" if total >= SOME else "little"
    )
    return Score(total, level, sorted(found, key=lambda row: -row.points))


def _subject(subject: str) -> Iterator[Point]:
    letters = [letter for letter in subject if letter.isalpha() and letter.isascii()]
    if len(letters) >= 8 and sum(map(str.isupper, letters)) > len(letters) / 2:
        yield Point("subject_capitals", 1.0, _("More than half of the subject is in capitals."))
    if _MARKS.search(subject):
        yield Point("subject_marks", 0.5, _("Several exclamation or question marks stand in the subject."))
    if _REPLY.match(subject):
        yield Point("subject_reply", 1.0, _("The subject looks like a reply to a mail."))
    if _MONEY.search(subject):
        yield Point("subject_money", 0.5, _("Several amounts of money stand in the subject."))
    if phrases := _phrases(subject):
        text = _("Words of advertising in the subject: %(words)s")
        yield Point("subject_words", min(1.5, 0.5 * len(phrases)), text % {"words": ", ".join(phrases)})


def _words(text: str) -> Iterator[Point]:
    if phrases := _phrases(text):
        message = _("Words of advertising in the mail: %(words)s")
        points = min(1.5, round(0.3 * len(phrases), 1))
        yield Point("words", points, message % {"words": ", ".join(phrases[:8])})
    letters = [letter for letter in text if letter.isalpha() and letter.isascii()]
    if len(letters) >= 100 and sum(map(str.isupper, letters)) > 0.3 * len(letters):
        yield Point("capitals", 0.5, _("Much of the mail is in capitals."))


def _phrases(text: str) -> list[str]:
    return list(dict.fromkeys(match.lower() for match in _PHRASES.findall(text)))


def _pictures(page: Page, text: str) -> Iterator[Point]:
    if not page.pictures:
        return
    if len(text) < mail_checks.LEAST_WORDS:
        yield Point("only_pictures", 2.0, _("The mail is almost only pictures."))
    elif len(text) < TEXT_PER_PICTURE * len(page.pictures):
        yield Point("pictures", 1.0, _("There are many pictures and few words."))
    if any(alt is None for _src, alt in page.pictures):
        yield Point("missing_alt", 0.3, _("Pictures have no text for people who do not see them."))


def _links(page: Page) -> Iterator[Point]:
    links = [link.strip() for link in page.links if mail_checks.is_web(link)]
    hosts = {_host(link) for link in links}
    if lying := [row for row in zip(page.links, page.labels, strict=True) if _lies(*row)]:
        text = _("A link shows another address than the one it leads to: %(label)s")
        yield Point("other_address", 2.0, text % {"label": lying[0][1][:80]})
    if any(_is_number(host) for host in hosts):
        yield Point("number_link", 1.5, _("A link leads to a number instead of a name."))
    if known := sorted(hosts & _SHORTENERS):
        text = _("A link goes through a public short-link service: %(host)s")
        yield Point("public_short_link", 1.0, text % {"host": known[0]})
    if any(link.lower().startswith("http://") for link in links):
        yield Point("http_link", 0.5, _("Links are not encrypted (http://)."))
    if len(links) > MOST_LINKS:
        yield Point("many_links", 0.5, _("There are more than %(most)d links.") % {"most": MOST_LINKS})


def _lies(link: str, label: str) -> bool:
    """Whether the words of a link are an address of another site."""
    shown = _ADDRESS.fullmatch(label.strip())
    if shown is None or not mail_checks.is_web(link) or rendering.variables(link):
        return False
    return _site(shown[1]) != _site(_host(link))


def _host(link: str) -> str:
    try:
        return (urlsplit(link.strip()).hostname or "").lower()
    except ValueError:
        return ""


def _site(host: str) -> str:
    """Without the part in front, which differs within one company."""
    return ".".join(host.lower().split(".")[-2:])


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
