"""Mails made of blocks: what they may hold, and the HTML that comes of them."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from marketing.content import design, rendering, services
from marketing.content.design import starters
from marketing.content.models import Template
from marketing.materials import services as materials
from marketing.materials import serving, usage
from tests.factories import make_access
from tests.marketing.materials.files import png

SITE = "https://shop.example.com/new?a=1&b=${city}"


def of(*blocks: dict[str, Any], **look: Any) -> dict[str, Any]:
    return {"blocks": list(blocks), **look}


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": words}


EVERYTHING = of(
    {"kind": "heading", "text": "Hats & <caps> for ${name}", "size": "medium", "align": "center"},
    text("**New** *hats*, [look](https://shop.example.com/?c=${city})\n\n- one\n- two"),
    {
        "kind": "image",
        "src": "https://img.example.com/a.png?x=1&y=2",
        "alt": 'A "hat"',
        "url": SITE,
        "width": 50,
    },
    {"kind": "button", "label": "Buy <now>", "url": SITE, "align": "left"},
    {
        "kind": "columns",
        "items": [{"title": "One", "text": "1", "label": "Go", "url": SITE}, {"text": "Two"}],
    },
    {"kind": "divider"},
    {"kind": "spacer", "height": 40},
    preheader="A first look",
    accent="#FFDD00",
)


class Reader(HTMLParser):
    """Elements and attributes of a page, as a mail program would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


def test_every_block_is_in_the_html_and_what_is_typed_never_becomes_markup() -> None:
    html = design.html_of(EVERYTHING)
    page = Reader(html)
    assert {attrs["href"] for attrs in page.every("a")} == {"https://shop.example.com/?c=${city}", SITE}
    [picture] = page.every("img")
    assert (picture["src"], picture["alt"], picture["width"]) == (
        "https://img.example.com/a.png?x=1&y=2",
        'A "hat"',
        "276",
    )
    plain = rendering.plain_text(html)
    for words in (
        "Hats & <caps> for ${name}",
        "New hats, look",
        "- one",
        "Buy <now>",
        "One",
        "Two",
        "A first look",
    ):
        assert words in plain
    assert not page.every("caps") and not page.every("now")
    assert rendering.variables(html) == ["name", "city"]
    assert {f"block-{number}" for number in range(7)} <= {attrs.get("class") for _tag, attrs in page.found}


def test_a_mail_loads_nothing_but_its_pictures() -> None:
    page = Reader(design.html_of(EVERYTHING))
    assert not page.every("link") and not page.every("script")
    assert "@import" not in design.html_of(EVERYTHING)


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
    ],
)
def test_text_cannot_bring_in_markup(words: str) -> None:
    page = Reader(design.html_of(of(text(words))))
    assert not page.every("script") and not page.every("img") and not page.every("a")


@pytest.mark.parametrize(
    ("colour", "ink"), [("#ffdd00", "#111111"), ("#0b6477", "#ffffff"), ("#777777", "#111111")]
)
def test_labels_of_buttons_can_be_read_on_any_colour(colour: str, ink: str) -> None:
    given = of({"kind": "button", "label": "Go", "url": "https://a.example"}, accent=colour)
    [button] = Reader(design.html_of(given)).every("a")
    assert f"color:{ink}" in str(button["style"])


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "design/blocks"),
        ([], "design"),
        (of(), "design/blocks"),
        (of({"kind": "video"}), "design/blocks/0"),
        (of({"text": "x"}), "design/blocks/0"),
        (of(text("x"), text(" ")), "design/blocks/1/text"),
        (of({"kind": "button", "label": "x", "url": "javascript:alert(1)"}), "design/blocks/0/url"),
        (of({"kind": "button", "label": "x", "url": ""}), "design/blocks/0/url"),
        (of({"kind": "image", "src": "file:///etc/passwd", "alt": "x"}), "design/blocks/0/src"),
        (of({"kind": "image", "src": "https://a.example/b.png", "alt": ""}), "design/blocks/0/alt"),
        (of({"kind": "image", "src": 'https://a.example/"><script>', "alt": "x"}), "design/blocks/0/src"),
        (of({"kind": "spacer", "height": 5_000}), "design/blocks/0/height"),
        (of({"kind": "columns", "items": [{}]}), "design/blocks/0/items"),
        (of({"kind": "columns", "items": [{}, {"url": "x"}]}), "design/blocks/0/items/1/url"),
        (of(*[text("x")] * 61), "design/blocks"),
        (of(text("x"), accent='red;"'), "design/accent"),
        (of(text("x"), background="#12345"), "design/background"),
        (of(text("x"), unknown=1), "design/unknown"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(given: Any, path: str) -> None:
    with pytest.raises(ValidationFailed) as raised:
        design.html_of(given)
    assert set(raised.value.errors) == {path}


def test_the_designs_to_begin_with_are_designs() -> None:
    for item in starters.all():
        assert rendering.plain_text(design.html_of(item["design"])), item["key"]


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


def make(access: Any, **more: Any) -> Template:
    return services.create_template(access, "email", {"name": "Hats", "subject": "Hello", **more})


def test_the_html_of_a_template_follows_its_design_until_somebody_writes_html(access: Any) -> None:
    template = make(access, design=of(text("Old hats")), html="<p>is not kept</p>")
    assert "Old hats" in template.html and "is not kept" not in template.html
    template = services.update_template(access, template, {"design": of(text("New hats ${name}"))})
    assert "New hats" in template.html and template.variables == ["name"]
    services.update_template(access, template, {"subject": "Hi"})
    assert template.design
    template = services.update_template(access, template, {"html": "<p>By hand</p>"})
    template.refresh_from_db()
    assert (template.design, template.html) == ({}, "<p>By hand</p>")


def test_only_mails_have_a_design(access: Any) -> None:
    with pytest.raises(ValidationFailed) as raised:
        services.create_template(access, "sms", {"name": "A", "text": "B", "design": of(text("x"))})
    assert "design" in raised.value.errors


def test_nothing_changes_where_a_block_does_not_fit(access: Any) -> None:
    template = make(access, design=of(text("Old hats")))
    with pytest.raises(ValidationFailed) as raised:
        services.update_template(access, template, {"design": of(text(""))})
    assert "design/blocks/0/text" in raised.value.errors
    template.refresh_from_db()
    assert template.design == of(text("Old hats"))


def test_pictures_of_templates_are_found_without_signing_in_and_stay(access: Any, client: Any) -> None:
    shown, other = (materials.upload(access, f"{n}.png", io.BytesIO(png(n, 4))) for n in (4, 5))
    address = serving.address(shown)
    make(access, design=of({"kind": "image", "src": address, "alt": "Hat"}))
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["X-Content-Type-Options"] == "nosniff" and "public" in answer["Cache-Control"]
    assert usage.in_use([shown.pk, other.pk]) == {shown.pk}
    assert client.get(address.replace(shown.sha256, "0" * 64)).status_code == 404
    assert client.post(address).status_code == 405
