"""Tags and filters that all templates have."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms.widgets import CheckboxInput, ChoiceWidget, Select
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from cdp.console.links import ws_reverse
from cdp.core.identifiers import ID_TYPES

register = template.Library()


@register.simple_tag(takes_context=True)
def ws_url(context: Any, name: str, *args: Any, **kwargs: Any) -> str:
    """`{% ws_url 'datasets:detail' dataset.pk %}`: a URL in the request's workspace."""
    return ws_reverse(context["request"], name, *args, **kwargs)


@register.inclusion_tag("components/badge.html")
def badge(state: str, label: Any = "", hint: Any = "") -> dict[str, Any]:
    """A state as a coloured badge, explained on hover."""
    return {"state": state, "label": label or state, "hint": hint}


@register.inclusion_tag("components/moment.html")
def moment(value: Any) -> dict[str, Any]:
    """A time as "3 hours ago" with the exact one on hover."""
    return {"moment": value}


@register.inclusion_tag("components/empty.html")
def empty_state(icon: str, title: Any, text: Any = "", url: str = "", label: Any = "") -> dict[str, Any]:
    """What a place without content says and offers."""
    return {"icon": icon, "title": title, "text": text, "url": url, "label": label}


@register.inclusion_tag("components/stat.html")
def stat(label: Any, value: Any, hint: Any = "", url: str = "") -> dict[str, Any]:
    """A number with its name."""
    return {"label": label, "value": value, "hint": hint, "url": url}


@register.inclusion_tag("components/field.html")
def field(bound: Any) -> dict[str, Any]:
    """A form field with label, help and errors; check boxes, radio buttons and other sets of inputs with a legend."""
    widget = bound.field.widget
    return {
        "field": bound,
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": widget.use_fieldset and isinstance(widget, ChoiceWidget),
        "is_set": widget.use_fieldset and not isinstance(widget, ChoiceWidget),
    }


@register.simple_tag
def control(bound: Any) -> SafeString:
    """The input of a form field alone, in the console's look."""
    widget = bound.field.widget
    if isinstance(widget, CheckboxInput):
        css = "form-check-input"
    else:
        css = "form-select" if isinstance(widget, Select) else "form-control"
    classes = [widget.attrs.get("class", ""), css, "is-invalid" if bound.errors else ""]
    return bound.as_widget(attrs={"class": " ".join(filter(None, classes))})


@register.inclusion_tag("components/job_progress.html", takes_context=True)
def job_progress(context: Any, job: Any) -> dict[str, Any]:
    """A live progress bar."""
    return {"job": job, "request": context["request"]}


@register.inclusion_tag("components/facts.html")
def facts_list(facts: Any) -> dict[str, Any]:
    """Lines of label and value."""
    return {"facts": facts}


@register.filter
def grouped(value: Any) -> str:
    """A number with separators: 12,345."""
    return "–" if value is None else f"{value:,}"


@register.filter
def percent(value: Any, digits: int = 1) -> str:
    """A share (0-1) as per cent; a dash where there is none."""
    return "–" if value is None else f"{value * 100:.{digits}f} %"


@register.filter
def points(value: Any) -> str:
    """A difference of shares in percentage points, with its sign; a dash where there is none."""
    return "–" if value is None else f"{value * 100:+.1f}"


@register.filter
def masked(value: Any, id_type: str) -> str:
    """An ID as it may be shown to everybody."""
    return ID_TYPES[id_type].mask(str(value)) if value else ""


@register.simple_tag
def language() -> str:
    return get_language() or "en"
