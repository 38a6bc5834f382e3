"""Whether the addresses in a mail answer, asked for when somebody wants to know.

Every call goes out as those to platforms do: never into the own network, also not by way of a redirect.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin

import requests
from django.utils.translation import gettext as _

from marketing.channels.base import ProviderError
from marketing.channels.exchange import exchange
from marketing.content import mail_checks, rendering
from marketing.content.models import Template

MOST = 50
AT_ONCE = 10
SECONDS = 20
"""So long the whole check takes at most."""
_TIMEOUT = (3, 5)
_HOPS = 5
_HEADERS = {"User-Agent": "Tideline link check"}
_NOT_BY_HEAD = {400, 403, 404, 405, 501}
"""Answers of servers that do not know HEAD or dislike it: they are asked once more with GET."""
_CLOSED = {401, 403, 407, 429, 451}


@dataclass(frozen=True)
class Answer:
    """`ok` answers; `broken` does not, or with an error; `unclear` answers, but not to us; `skipped` was not asked."""

    url: str
    state: Literal["ok", "broken", "unclear", "skipped"]
    text: str


def check(template: Template) -> list[Answer]:
    """Each address of links and pictures once, broken ones first."""
    urls = addresses(template)
    asked = [url for url in urls if not rendering.variables(url)]
    found = [
        Answer(url, "skipped", _("It is different for each person.")) for url in urls if url not in asked
    ]
    found += [Answer(url, "skipped", _("Too many: it was not asked.")) for url in asked[MOST:]]
    order = ["broken", "unclear", "skipped", "ok"]
    return sorted([*_ask(asked[:MOST]), *found], key=lambda row: order.index(row.state))


def addresses(template: Template) -> list[str]:
    """Web addresses in the order in which they stand in the mail."""
    page = mail_checks.read(template.html)
    found = [*page.links, *(src for src, _alt in page.pictures), *mail_checks.WEB.findall(template.text)]
    return list(dict.fromkeys(url.strip() for url in found if mail_checks.is_web(url)))


def _ask(urls: list[str]) -> list[Answer]:
    if not urls:
        return []
    threads = ThreadPoolExecutor(min(AT_ONCE, len(urls)), thread_name_prefix="links")
    # Threads begin without the language of the request.
    running: dict[str, Future[Answer]] = {
        url: threads.submit(copy_context().run, _visit, url) for url in urls
    }
    wait(running.values(), timeout=SECONDS)
    threads.shutdown(wait=False, cancel_futures=True)
    late = _("It has not answered in time.")
    return [
        future.result() if future.done() and not future.cancelled() else Answer(url, "unclear", late)
        for url, future in running.items()
    ]


def _visit(first: str) -> Answer:
    url = first
    for _hop in range(_HOPS):
        try:
            response = _call("HEAD", url)
            if response.status_code in _NOT_BY_HEAD:
                response = _call("GET", url)
        except ProviderError as error:
            return Answer(first, "broken", str(error))
        if not response.is_redirect:
            return _judged(first, url, response.status_code)
        url = urljoin(url, response.headers["Location"])
    return Answer(first, "broken", _("It leads from one address to the next without an end."))


def _call(method: str, url: str) -> requests.Response:
    """Raises ProviderError. The body is not read."""
    response = exchange(method, url, timeout=_TIMEOUT, headers=_HEADERS, stream=True)
    response.close()
    return response


def _judged(first: str, url: str, status: int) -> Answer:
    if status in _CLOSED:
        return Answer(
            first, "unclear", _("It answers, but not to us (HTTP %(status)d).") % {"status": status}
        )
    if status >= 400:
        return Answer(first, "broken", _("It answers with an error (HTTP %(status)d).") % {"status": status})
    if url != first:
        return Answer(first, "ok", _("It leads on to %(url)s") % {"url": url[:200]})
    return Answer(first, "ok", _("It answers."))
