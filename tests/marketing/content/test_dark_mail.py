"""A mail as programs with a dark look show it."""

from __future__ import annotations

import colorsys
import re

import pytest

from marketing.content import dark_mail, design
from marketing.content.design import starters


def contrast(one: str, other: str) -> float:
    """Of two colours #rrggbb, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def body(html: str) -> str:
    """Without what the program itself says."""
    return dark_mail.shown(html).replace(dark_mail._BASE, "")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("background-color:#ffffff", "background-color:#1c1c1c"),
        ("background: #FFF", "background: #1c1c1c"),
        ("background:white", "background:#1c1c1c"),
        ("color:#000", "color:#ebebeb"),
        ("color: rgb(0, 0, 0)", "color: #ebebeb"),
        ("color:rgba(0,0,0,0.5)", "color:#ebebeb80"),
        ("border:1px solid #ffffff", "border:1px solid #1c1c1c"),
        ("background-color:#0b6477", "background-color:#0b6477"),
        ("color:#ffffff", "color:#ffffff"),
        ("background:url(white.png) #fff", "background:url(white.png) #fff"),
        ("background-position:center", "background-position:center"),
        ("color:inherit", "color:inherit"),
    ],
)
def test_light_paper_turns_dark_and_dark_writing_light(given: str, wanted: str) -> None:
    assert body(f'<p style="{given}">x</p>') == f'<p style="{wanted}">x</p>'


def test_the_attributes_of_old_mails_turn_too_and_words_do_not() -> None:
    html = (
        '<table bgcolor="#FFFFFF"><td><font color=black>color=black is a colour: #ffffff</font></td></table>'
    )
    assert body(html) == (
        '<table bgcolor="#1c1c1c"><td><font color=#ebebeb>color=black is a colour: #ffffff</font></td></table>'
    )


def test_a_colour_keeps_its_hue() -> None:
    found = re.search(r"#[0-9a-f]{6}", body('<p style="color:#8b0000">x</p>'))
    assert found
    red, green, blue = (int(found[0][place : place + 2], 16) / 255 for place in (1, 3, 5))
    hue, light, _full = colorsys.rgb_to_hls(red, green, blue)
    assert hue == pytest.approx(0, abs=0.01) and light > 0.6


def test_rules_in_a_style_element_turn_too() -> None:
    html = "<style>.a{color:#111;background:#fafafa}</style><p class=a>x</p>"
    found = body(html)
    assert "#111" not in found and "#fafafa" not in found and "<p class=a>x</p>" in found


def test_a_dark_style_of_its_own_is_shown_as_it_is() -> None:
    html = (
        "<style>p{color:#000}@media (prefers-color-scheme: dark){p{color:#ffd}}"
        "@media (prefers-color-scheme:light){p{color:#00f}}</style><p>x</p>"
    )
    found = body(html)
    assert "@media (min-width: 0px){p{color:#ffd}}" in found and "p{color:#000}" in found
    assert "@media (max-width: 0px){p{color:#00f}}" in found


def test_the_program_s_own_colours_come_before_the_mail_s() -> None:
    html = "<!doctype html><html><head><style>body{color:red}</style></head><body>x</body></html>"
    found = dark_mail.shown(html)
    assert found.startswith("<!doctype html>")
    assert found.index(dark_mail._BASE) < found.index("body{color:")


def test_an_empty_mail_stays_empty() -> None:
    assert dark_mail.shown("") == ""


@pytest.mark.parametrize("place", range(4))
def test_mails_of_blocks_stay_legible_in_the_dark(place: int) -> None:
    starter = starters.all()[place]
    html = design.html_of(starter["design"])
    found = dark_mail.shown(html)
    look = design.parse(starter["design"])
    turned = {
        name: dark_mail._turned(getattr(look, name), writing=name == "ink")
        for name in ("ink", "surface", "background")
    }
    assert contrast(turned["ink"], turned["surface"]) >= 7
    papers = re.findall(r"(?:background(?:-color)?:|bgcolor=.)(#[0-9a-f]{6})", found.lower())
    assert turned["surface"] in papers and look.surface not in papers
