"""Which addresses of a mail answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from marketing.content import link_check, services
from marketing.content.models import Template
from tests.factories import make_access


class Site(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        if self.path == "/no-head":
            self.send_response(405)
        elif self.path == "/old":
            self.send_response(301)
            self.send_header("Location", "/new")
        elif self.path == "/loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
        elif self.path == "/inside":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/meta-data")
        else:
            self.send_response({"/gone": 404, "/broken": 500, "/closed": 401}.get(self.path, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/no-head" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def mail(*urls: str, **more: Any) -> Template:
    html = "".join(f'<a href="{url}">x</a>' for url in urls)
    return Template(channel="email", subject="S", html=html, **more)


@pytest.mark.parametrize(
    ("path", "state", "word"),
    [
        ("/", "ok", "answers"),
        ("/no-head", "ok", "answers"),
        ("/old", "ok", "/new"),
        ("/gone", "broken", "404"),
        ("/broken", "broken", "500"),
        ("/closed", "unclear", "401"),
        ("/loop", "broken", "without an end"),
    ],
)
def test_an_address_answers_or_says_why_not(site: str, path: str, state: str, word: str) -> None:
    [answer] = link_check.check(mail(site + path))
    assert answer.state == state and word in answer.text


def test_each_address_is_asked_once_and_those_with_variables_not_at_all(site: str) -> None:
    template = mail(site, site, site + "/${id}", "mailto:a@x.example", text=f"See {site}/gone")
    template.html += f'<img src="{site}/a.png" alt="">'
    found = {row.url: row.state for row in link_check.check(template)}
    assert found == {
        site: "ok", f"{site}/a.png": "ok", f"{site}/gone": "broken", site + "/${id}": "skipped"
    }  # fmt: skip
    assert next(iter(found)) == f"{site}/gone"


def test_the_own_network_is_never_called(site: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = False
    [answer] = link_check.check(mail(site))
    assert answer.state == "broken" and "private network" in answer.text


def test_a_redirect_does_not_lead_into_the_own_network(
    site: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marketing.channels import exchange

    settings.OUTBOUND_ALLOW_PRIVATE = False
    check = exchange.check_url
    # The site itself stands for one outside.
    monkeypatch.setattr(exchange, "check_url", lambda url: None if url.startswith(site) else check(url))
    [answer] = link_check.check(mail(site + "/inside"))
    assert answer.state == "broken" and "169.254.169.254" in answer.text


def test_more_addresses_than_are_asked_are_named(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_check, "MOST", 1)
    states = [row.state for row in link_check.check(mail(site, site + "/2"))]
    assert states == ["skipped", "ok"]


@pytest.mark.django_db
def test_page_and_api_ask_for_the_links_and_tell_the_score(site: str, client: Client) -> None:
    access = make_access()
    values = {"name": "A", "subject": "Re: Hello", "html": f'<p>Dear</p><a href="{site}/gone">x</a>'}
    template = services.create_template(access, "email", values)
    client.force_login(access.user)
    page = client.get(f"/w/{access.workspace.slug}/content/{template.pk}/").content.decode()
    assert "Spam score" in page and "looks like a reply" in page
    part = client.post(f"/w/{access.workspace.slug}/content/{template.pk}/links/").content.decode()
    assert f"{site}/gone" in part and "404" in part
    api = f"/api/v1/workspaces/{access.workspace.slug}/templates/{template.pk}/"
    assert client.post(f"{api}check-links/").json()[0]["state"] == "broken"
    found = client.get(f"{api}score/").json()
    assert found["level"] == "some" and {row["code"] for row in found["rules"]} >= {"subject_reply"}
