"""Where the variables of a message get their text, person by person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from insight.audiences import queries as audiences
from marketing.content import defaults, rendering
from marketing.content.models import Template
from marketing.delivery import contents
from marketing.delivery.models import SendOut

LONGEST = 200
FIELDS = ("dataset", "tag", "format", "missing", "value")


@dataclass(frozen=True)
class Variable:
    """How a template variable gets its text: a tag of the person, or a replacement, or nobody is written to."""

    name: str
    dataset: str = ""
    tag: str = ""
    format: str = ""
    missing: str = "replace"
    value: str = ""
    default: Any = None
    """The template's own, of its type, where the send-out gives no text."""

    @property
    def source(self) -> tuple[str, str]:
        return self.dataset, self.tag

    @property
    def is_answered(self) -> bool:
        """Whether everybody gets a text: without one a message would have a hole."""
        return self.otherwise != "" or (bool(self.tag) and self.missing == "skip")

    @property
    def otherwise(self) -> str:
        """What people without a value read."""
        return self.value or as_text(self.default, self.format)

    def text(self, found: Any) -> str:
        """What somebody reads whose tag has this value."""
        return (as_text(found, self.format) if self.tag else "") or self.otherwise


def names_of(send_out: SendOut) -> list[str]:
    """The variables of the message, of all its variants: as frozen, or else as the templates are now."""
    if not send_out.content:
        return send_out.variable_names
    return names_in(*contents.all_of(send_out.content))


def names_in(*written: dict[str, Any]) -> list[str]:
    """The variables of frozen contents, each once."""
    return rendering.variables(*(text for content in written for text in contents.texts(content)))


def defaults_of(send_out: SendOut) -> defaults.Defaults:
    """The templates' defaults: as frozen, or else as they are now."""
    if send_out.content:
        return defaults.together(*(row.get("defaults", {}) for row in contents.all_of(send_out.content)))
    return defaults.together(*(template.defaults for template in send_out.templates))


def variables_of(
    send_out: SendOut, names: list[str] | None = None, given: defaults.Defaults | None = None
) -> list[Variable]:
    """The variables that the message has, or those of `names`. What else is stored for it plays no part.

    `given`: the defaults of the message, where it is one of several. What neither of them answers is not among them.
    """
    names = names_of(send_out) if names is None else names
    given = defaults_of(send_out) if given is None else given
    return [
        Variable(
            name,
            **{key: value for key, value in send_out.variables.get(name, {}).items() if key in FIELDS},
            default=default_in(given, name),
        )
        for name in names
        if name in send_out.variables or name in given
    ]


def default_in(given: defaults.Defaults, name: str) -> Any:
    """A variable's default of its type; None where there is none."""
    return defaults.typed(given[name]["type"], given[name]["value"]) if name in given else None


def problems(send_out: SendOut, templates: list[Template]) -> list[str]:
    """What keeps the variables from being saved, where the message has these templates."""
    names = list(dict.fromkeys(name for template in templates for name in template.variables))
    own = defaults.together(*(template.defaults for template in templates))
    given = send_out.variables
    if not isinstance(given, dict) or not all(isinstance(item, dict) for item in given.values()):
        return [_("Give an object with an object for each variable.")]
    found = []
    for name, item in given.items():
        unknown = sorted(set(map(str, item)) - set(FIELDS))
        if unknown:
            found.append(
                _("“%(name)s” has unknown fields: %(fields)s") % {"name": name, "fields": ", ".join(unknown)}
            )
        elif not all(isinstance(value, str) and len(value) <= LONGEST for value in item.values()):
            found.append(
                _("“%(name)s”: texts of at most %(most)d characters.") % {"name": name, "most": LONGEST}
            )
    if found:
        return found
    missing = [name for name in names if name not in given and name not in own]
    if missing:
        found.append(_("Say where these variables get their text: %(names)s") % {"names": ", ".join(missing)})
    for variable in variables_of(send_out, names, own):
        found += _problems(send_out, variable)
    return found


def _problems(send_out: SendOut, variable: Variable) -> list[str]:
    found = []
    if variable.tag and not audiences.can_read_tag(
        send_out.audience,  # type: ignore[arg-type]  # nobody asks for variables without one
        variable.dataset,
        variable.tag,
        owner=send_out.owner,
    ):
        found.append(_("“%(name)s” uses a tag that is not there.") % {"name": variable.name})
    if variable.missing not in ("skip", "replace"):
        found.append(_("“%(name)s”: missing is skip or replace.") % {"name": variable.name})
    if variable.format and variable.format not in DATE_FORMATS:
        found.append(
            _("“%(name)s”: format is one of %(formats)s.")
            % {"name": variable.name, "formats": ", ".join(DATE_FORMATS)}
        )
    return found


def unanswered(send_out: SendOut) -> list[str]:
    """Variables that would leave a hole in somebody's message."""
    answered = {item.name for item in variables_of(send_out) if item.is_answered}
    return [name for name in names_of(send_out) if name not in answered]


def texts_of(variables: list[Variable], found: dict[tuple[str, str], Any]) -> tuple[dict[str, str], bool]:
    """The person's variable texts, and whether one without a value forbids writing to them."""
    texts: dict[str, str] = {}
    for item in variables:
        value = found.get(item.source) if item.tag else None
        if item.missing == "skip" and as_text(value, item.format) == "":
            return {}, True
        texts[item.name] = item.text(value)
    return texts, False


DATE_FORMATS = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy/MM/dd": "%Y/%m/%d",
    "yyyy年M月d日": "{0.year}年{0.month}月{0.day}日",
    "MM-dd": "%m-%d",
    "M月d日": "{0.month}月{0.day}日",
    "yyyy-MM-dd HH:mm": "%Y-%m-%d %H:%M",
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "HH:mm": "%H:%M",
}


def as_text(value: Any, pattern: str = "") -> str:
    """A tag value as it stands in a message: no trailing zeros, several values joined, dates as asked for."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "、".join(str(part) for part in value)
    if isinstance(value, datetime | date):
        known = DATE_FORMATS.get(pattern) or ("%Y-%m-%d %H:%M" if isinstance(value, datetime) else "%Y-%m-%d")
        return known.format(value) if "{" in known else value.strftime(known)
    if isinstance(value, float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    return str(value)
