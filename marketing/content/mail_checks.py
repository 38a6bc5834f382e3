"""What to look at before a mail goes out: a short list of rules, none of which foresees what a filter will say."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

from django.utils.translation import gettext as _

from marketing.channels.contract_email import MAX_BODY
from marketing.content import rendering
from marketing.content.models import Template

CLIPPED = 102 * 1024
"""Gmail shows no more of a mail than this."""
LONG_SUBJECT = 60
MOST_MARKS = 2
LEAST_WORDS = 20
_SHOUTING = re.compile(r"[A-Z]{2,}")
_FORBIDDEN = {"script", "iframe", "object", "embed", "applet", "base"}
_UNUSABLE = {"form", "input", "video", "audio", "svg"}
WEB = re.compile(r"https?://[^\s<>\"'）」】]+", re.IGNORECASE)
_SCHEMES = re.compile(r"(https?://[^\s/]|mailto:\S|tel:\S|\$\{)", re.IGNORECASE)


@dataclass(frozen=True)
class Check:
    """`problem` is likely to hurt, `advice` may; `fine` says that all rules are kept."""

    level: Literal["problem", "advice", "fine"]
    code: str
    text: str


def refused(html: str) -> list[str]:
    """What keeps the HTML from being saved: it runs in no mail program, and must not run in the console either."""
    found = read(html)
    messages = []
    if found.forbidden:
        messages.append(
            _("This cannot stand in a mail: %(tags)s. Take it out.")
            % {"tags": ", ".join(f"<{tag}>" for tag in found.forbidden)}
        )
    if found.handlers:
        messages.append(
            _("Scripts run in no mail program: take out %(names)s.") % {"names": ", ".join(found.handlers)}
        )
    return messages


def of(template: Template) -> list[Check]:
    """The findings for an e-mail template, most serious first; one that says so where there are none."""
    page = read(template.html)
    found = [*_links(page), *_pictures(page), *_size(template), *_words(template, page)]
    if not found:
        return [Check("fine", "fine", _("Nothing found. Send yourself a test all the same."))]
    return sorted(found, key=lambda row: row.level != "problem")


def is_web(link: str) -> bool:
    return link.strip().lower().startswith(("http://", "https://"))


def _links(page: Page) -> list[Check]:
    found = []
    empty = sum(not link.strip() or link.strip() == "#" for link in page.links)
    if empty:
        found.append(
            Check("problem", "empty_link", _("Links without an address: %(count)d.") % {"count": empty})
        )
    odd = [link for link in page.links if link.strip() not in ("", "#") and not _SCHEMES.match(link.strip())]
    if odd:
        text = _("This link does not begin with http:// or https://: %(link)s")
        found.append(Check("problem", "bad_link", text % {"link": odd[0][:80]}))
    if plain := [link for link in page.links if link.strip().lower().startswith("http://")]:
        text = _("This link is not encrypted; use https:// where the site has it: %(link)s")
        found.append(Check("advice", "http_link", text % {"link": plain[0].strip()[:80]}))
    again = Counter(link.strip() for link in page.links if is_web(link)).most_common(1)
    if again and again[0][1] > 1:
        text = _("This address is linked %(count)d times, and clicks on it are counted together: %(link)s")
        values = {"count": again[0][1], "link": again[0][0][:80]}
        found.append(Check("advice", "duplicate_link", text % values))
    if not any("unsubscribe" in link.lower() for link in page.links):
        text = _("There is no unsubscribe link of your own; one is added below the mail.")
        found.append(Check("advice", "no_unsubscribe", text))
    return found


def _pictures(page: Page) -> list[Check]:
    found = []
    silent = sum(alt is None for _src, alt in page.pictures)
    if silent:
        text = _("Pictures without a text for people who do not see them (alt): %(count)d.")
        found.append(Check("problem", "missing_alt", text % {"count": silent}))
    elsewhere = [src for src, _alt in page.pictures if not re.match(r"(https?://|\$\{)", src, re.IGNORECASE)]
    if elsewhere:
        text = _("This picture has no address on the web, so that nobody sees it: %(src)s")
        found.append(Check("problem", "picture_address", text % {"src": elsewhere[0][:80]}))
    return found


def _size(template: Template) -> list[Check]:
    size = len(template.html.encode())
    if size > CLIPPED:
        text = _("The mail is %(size)d KB; Gmail cuts off what is above %(most)d KB.")
        values = {"size": size // 1024, "most": CLIPPED // 1024}
        return [Check("problem", "clipped", text % values)]
    if size > MAX_BODY:
        text = _("The mail is %(size)d KB; e-mail platforms by contract take 28 KB at most.")
        return [Check("advice", "large", text % {"size": size // 1024})]
    return []


def _words(template: Template, page: Page) -> list[Check]:
    found = []
    subject = template.subject.strip()
    if len(subject) > LONG_SUBJECT:
        text = _("The subject has %(count)d characters; phones show about %(most)d.")
        found.append(Check("advice", "long_subject", text % {"count": len(subject), "most": LONG_SUBJECT}))
    if len(_SHOUTING.findall(subject)) > 1 and subject == subject.upper():
        found.append(Check("advice", "capitals", _("The subject is in capitals throughout.")))
    if sum(subject.count(mark) for mark in "!！") >= MOST_MARKS:
        found.append(Check("advice", "exclamation", _("Several exclamation marks stand in the subject.")))
    text = rendering.plain_text(template.html)
    if template.html and not template.text and not WEB.sub("", text).strip("()<>[] \n"):
        message = _("The plain-text part is empty: some read only that, and filters miss it. Write one.")
        found.append(Check("problem", "missing_text", message))
    if page.pictures and len(text) < LEAST_WORDS:
        message = _("The mail is almost only pictures: many programs hide them at first.")
        found.append(Check("advice", "only_pictures", message))
    if page.unusable:
        message = _("Most mail programs do not show %(tags)s.") % {
            "tags": ", ".join(f"<{tag}>" for tag in page.unusable)
        }
        found.append(Check("advice", "unusable", message))
    return found


class Page(HTMLParser):
    """The parts of a mail that the rules look at."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.labels: list[str] = []
        """The words of each link."""
        self._in_link = False
        self.pictures: list[tuple[str, str | None]] = []
        self.forbidden: list[str] = []
        self.unusable: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("a", "area") and "href" in given:
            self.links.append(given["href"] or "")
            self.labels.append("")
            self._in_link = tag == "a"
        if tag == "img":
            self.pictures.append((given.get("src") or "", (given["alt"] or "") if "alt" in given else None))
        for names, kept in ((_FORBIDDEN, self.forbidden), (_UNUSABLE, self.unusable)):
            if tag in names and tag not in kept:
                kept.append(tag)
        for name, value in attrs:
            # Browsers pass over white space and control characters inside the scheme.
            plain = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or plain.startswith(("javascript:", "vbscript:")):
                self.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._in_link = False

    def handle_data(self, data: str) -> None:
        if self._in_link:
            self.labels[-1] += data


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page
