from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from cdp.console.form_rendering import ConsoleRenderer

CHOICES: list[tuple[Any, Any]] = [
    ("", "–"),
    ('a"b', "<b>bold & not</b>"),
    (gettext_lazy("Name"), gettext_lazy("Name")),
    ("Group <1>", [(1, "one"), (2, 2345.5)]),
    (None, mark_safe("<i>kept</i>")),
    (True, True),
]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("widget", [forms.Select, forms.SelectMultiple])
def test_lists_are_drawn_as_djangos_templates_draw_them(widget: type[forms.Select], language: str) -> None:
    attrs = {"class": 'form-select "x"', "required": True, "hidden": False, "data-count": 3}
    made = widget(attrs=attrs, choices=CHOICES)
    with translation.override(language):
        for value in (None, "", "1", ["1", "2"], 'a"b', True):
            theirs = made.render("na<me", value, renderer=DjangoTemplates())
            assert made.render("na<me", value, renderer=ConsoleRenderer()) == theirs


def test_lists_with_entries_of_their_own_look_keep_it() -> None:
    class Marked(forms.Select):
        option_template_name = "django/forms/widgets/checkbox_option.html"

    made = Marked(choices=[("a", "A")])
    assert made.render("x", "a", renderer=ConsoleRenderer()) == made.render(
        "x", "a", renderer=DjangoTemplates()
    )


def test_forms_use_it() -> None:
    from django.forms.renderers import get_default_renderer

    assert isinstance(get_default_renderer(), ConsoleRenderer)
