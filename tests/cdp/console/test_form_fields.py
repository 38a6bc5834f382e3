from __future__ import annotations

from django import forms
from django.template import engines


class _Form(forms.Form):
    name = forms.CharField(help_text="As on the door", widget=forms.TextInput(attrs={"class": "wide"}))
    agree = forms.BooleanField(required=False)
    roles = forms.MultipleChoiceField(
        choices=[("a", "Analyst"), ("d", "Developer")], widget=forms.CheckboxSelectMultiple
    )
    zone = forms.ChoiceField(choices=[("x", "X")])


def _html(name: str, data: dict[str, object] | None = None) -> str:
    template = engines["django"].from_string("{% field bound %}")
    return template.render({"bound": _Form(data)[name]})


def test_an_input_keeps_its_own_classes_beside_the_consoles() -> None:
    assert 'class="wide form-control"' in _html("name")


def test_the_help_text_belongs_to_its_input() -> None:
    html = _html("name")
    assert 'aria-describedby="id_name_helptext"' in html and 'id="id_name_helptext"' in html


def test_a_wrong_value_is_marked_and_told_aloud() -> None:
    html = _html("name", {})
    assert "is-invalid" in html and 'role="alert"' in html and 'aria-invalid="true"' in html


def test_check_boxes_are_a_group_with_a_legend_and_keep_what_was_ticked() -> None:
    html = _html("roles", {"roles": ["d"]})
    assert "<legend" in html and html.count('type="checkbox"') == 2
    assert html.index("checked") > html.index('value="d"')


def test_selects_and_check_boxes_look_like_the_rest() -> None:
    assert "form-select" in _html("zone")
    assert "form-check-input" in _html("agree")
