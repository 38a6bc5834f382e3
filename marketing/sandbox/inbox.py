"""The inbox: what was received, as pages to read and as JSON to wait on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.conf import settings
from django.template import Context, Engine
from django.utils import translation
from django.utils.translation import trans_real

from marketing.sandbox import contract, mail, upush
from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.options import Options
from marketing.sandbox.store import Store, Wanted

PAGE = 50
MOST_LISTED = 1000
_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_STYLE = Path(__file__).parent / "inbox.css"
_HREF = re.compile(r"""<a\b[^>]*?\bhref\s*=\s*(?:"([^"]+)"|'([^']+)')""", re.IGNORECASE)
_URL = re.compile(r"""https?://[^\s<>"'】」）]+""")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
# A received mail may show pictures and be styled, as in a mail program, and run nothing.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; media-src *; "
    "style-src 'unsafe-inline'; font-src *; base-uri 'none'; frame-ancestors 'self'"
)


class Inbox:
    """Answers everything below /inbox/."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self._engine = Engine(dirs=[str(_TEMPLATES)], libraries={"i18n": "django.templatetags.i18n"})
        number = r"(\d{1,18})"
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = [
            (method, re.compile("/inbox" + path), call)
            for method, path, call in (
                ("GET", "/", self.page),
                ("POST", "/clear", self.clear),
                ("GET", f"/messages/{number}", self.message_page),
                ("GET", f"/messages/{number}/html", self.html),
                ("GET", f"/messages/{number}/source", self.source),
                ("POST", f"/messages/{number}/reply", self.reply),
                ("POST", f"/messages/{number}/tap", self.tap),
                ("POST", f"/messages/{number}/swipe", self.swipe),
                ("GET", r"/style\.css", self.style),
                ("GET", "/api/messages", self.api_messages),
                ("DELETE", "/api/messages", self.api_clear),
                ("GET", f"/api/messages/{number}", self.api_message),
                ("GET", "/api/counts", self.api_counts),
            )
        ]

    def answer(self, request: Request) -> Response | None:
        """None where there is nothing at this address."""
        for method, path, call in self._routes:
            found = path.fullmatch(request.path)
            if found and method == request.method:
                return call(request, *map(int, found.groups()))
        return None

    # Pages

    def page(self, request: Request) -> Response:
        wanted = wanted_by(request.query)
        before = _number(request.query.get("before"), 0)
        rows = self.store.messages(wanted, before=before, limit=PAGE + 1)
        search = {"q": wanted.text, "channel": wanted.channel}
        older = urlencode({**search, "before": rows[PAGE - 1]["id"]}) if len(rows) > PAGE else ""
        content = {
            **search,
            "rows": [_summary(row) for row in rows[:PAGE]],
            "counts": self.store.counts(),
            "found": self.store.count(wanted),
            "before": before,
            "older": older,
        }
        return self._render(request, "inbox.html", content)

    def message_page(self, request: Request, number: int) -> Response:
        found = self._details(number)
        if found is None:
            return self._render(request, "missing.html", {}, status=404)
        return self._render(request, "message.html", {"message": found})

    def html(self, request: Request, number: int) -> Response:
        found = self._details(number)
        if found is None or not found["html"]:
            return Response(404, b"")
        # Links open beside the inbox, since the frame shows nothing but the mail.
        html = '<base target="_blank">' + found["html"]
        return Response(200, html.encode(), headers={"Content-Security-Policy": _MAIL_POLICY})

    def source(self, request: Request, number: int) -> Response:
        raw = self.store.raw(number)
        if raw is None:
            return Response(404, b"")
        return Response(200, raw, "text/plain; charset=utf-8")

    def reply(self, request: Request, number: int) -> Response:
        message = self.store.message(number)
        text = parse_qs(request.body.decode(errors="replace")).get("text", [""])[0].strip()
        if message is not None and message["channel"] == "sms" and text:
            self.store.add_reply(
                message["recipient"], text, message_id=number, push=bool(self.options.callback_url)
            )
        return _see(f"/inbox/messages/{number}")

    def tap(self, request: Request, number: int) -> Response:
        self.store.react(number, "OPENED")
        return _see(f"/inbox/messages/{number}")

    def swipe(self, request: Request, number: int) -> Response:
        self.store.react(number, "IGNORED")
        return _see(f"/inbox/messages/{number}")

    def clear(self, request: Request) -> Response:
        self.store.clear()
        return _see("/inbox/")

    def style(self, request: Request) -> Response:
        return Response(200, _STYLE.read_bytes(), "text/css; charset=utf-8")

    def _render(self, request: Request, name: str, content: dict[str, Any], *, status: int = 200) -> Response:
        with translation.override(_language(request)):
            language = translation.get_language()
            context = Context({**content, "inbox": "/inbox/", "language": language})
            body = self._engine.get_template(f"marketing/sandbox/{name}").render(context)
        return Response(status, body.encode(), headers={"Content-Security-Policy": _PAGE_POLICY})

    # JSON

    def api_messages(self, request: Request) -> Response:
        wanted = wanted_by(request.query)
        limit = min(_number(request.query.get("limit"), PAGE), MOST_LISTED)
        rows = self.store.messages(wanted, after=_number(request.query.get("after"), 0), limit=limit)
        return as_json({"count": self.store.count(wanted), "messages": [_summary(row) for row in rows]})

    def api_message(self, request: Request, number: int) -> Response:
        found = self._details(number)
        return as_json(found) if found else as_json({"detail": "There is no such message."}, 404)

    def api_counts(self, request: Request) -> Response:
        return as_json({"messages": self.store.counts(), "recipients": self.store.recipients()})

    def api_clear(self, request: Request) -> Response:
        self.store.clear()
        return Response(204, b"")

    def _details(self, number: int) -> dict[str, Any] | None:
        row = self.store.message(number)
        if row is None:
            return None
        found = {**_summary(row), "html": "", "headers": [], "attachments": [], "kept": True}
        raw = self.store.raw(number)
        if raw is not None:
            parsed = mail.parse(raw)
            found |= {
                "text": mail.plain_text(parsed),
                "html": mail.html_text(parsed),
                "headers": list(mail.headers(parsed)),
                "attachments": mail.attachments(parsed),
            }
        elif row["html"]:
            found["html"] = contract.fill(row["html"], json.loads(row["params"] or "{}"))
        elif not row["text"]:
            found["kept"] = False
        found["links"] = links(found["html"], found["text"])
        payload = self.store.push(row["biz_id"]) if row["channel"] == "push" else None
        found["payload"] = upush.shown(payload) if payload else ""
        found["replies"] = [
            {"text": reply["text"], "at": _moment(reply["at"])} for reply in self.store.replies(number)
        ]
        return found


def wanted_by(query: dict[str, str]) -> Wanted:
    """The messages that a page's or listing's address asks for."""
    return Wanted(query.get("to", ""), query.get("channel", ""), query.get("out_id", ""), query.get("q", ""))


def links(html: str, text: str) -> list[str]:
    """The web addresses that a message leads to, each once, those of the HTML first."""
    targets = [unescape(double or single) for double, single in _HREF.findall(html)]
    in_html = [target for target in targets if _URL.match(target)]
    in_text = [url.rstrip(".,;:!?)。，；") for url in _URL.findall(text)]
    return list(dict.fromkeys([*in_html, *in_text]))


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    due = row["due_at"]
    reported = due is not None and due <= time.time()
    return {
        "id": row["id"],
        "channel": row["channel"],
        "to": row["recipient"],
        "from": row["sender"],
        "subject": row["subject"],
        "text": row["preview"] if row["preview"] is not None else contract.shown_text(row),
        "at": _moment(row["at"]),
        "state": row["state"] if reported else "silent" if due is None else "waiting",
        "code": row["code"] if reported else "",
        "out_id": row["out_id"],
        "template_code": row["template_code"],
    }


def _language(request: Request) -> str:
    """The first language of the reader that there is a translation for."""
    for code, _weight in trans_real.parse_accept_lang_header(
        request.headers.get("accept-language", "").lower()
    ):
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else default


def _see(path: str) -> Response:
    return Response(303, b"", headers={"Location": path})
