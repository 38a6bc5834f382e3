"""The leaves of a rule: one condition each, checked for its shape here and against a dataset in `checking`."""

from __future__ import annotations

import math
import unicodedata
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import (
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)

from insight.audiences.limits import MAX_HAVING_DEPTH, MAX_VALUE_LENGTH, MAX_VALUES
from insight.audiences.translating import Condition
from insight.audiences.windows import AnyTime, Moment, Strict, Window, in_order, parse_moment

Number = int | float
TagOperator = Literal[
    "in",
    "not_in",
    "contains",
    "not_contains",
    "starts_with",
    "not_starts_with",
    "ends_with",
    "not_ends_with",
    "contains_all",
    "contains_none",
    "=",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "between",
    "not_between",
    "within",
    "not_within",
    "anniversary_within",
    "empty",
    "not_empty",
]
LIST_OPERATORS = frozenset(
    {
        "in",
        "not_in",
        "contains",
        "not_contains",
        "starts_with",
        "not_starts_with",
        "ends_with",
        "not_ends_with",
        "contains_all",
        "contains_none",
    }
)
COMPARE_OPERATORS = frozenset({"=", "!=", ">", ">=", "<", "<="})
TEXT_OPERATORS = LIST_OPERATORS - {"contains_all", "contains_none"} | {"empty", "not_empty"}
OPERATORS: dict[str, frozenset[str]] = {
    "enum": frozenset({"in", "not_in", "empty", "not_empty"}),
    "text": TEXT_OPERATORS,
    "multi": frozenset({"contains_all", "contains", "contains_none", "empty", "not_empty"}),
    "number": COMPARE_OPERATORS | {"between", "not_between", "empty", "not_empty"},
    "date": frozenset({"within", "not_within", "anniversary_within", "empty", "not_empty"}),
}
"""What each type of tag can be asked."""

_window: TypeAdapter[Any] = TypeAdapter(Window)


def any_time() -> Any:
    return AnyTime(kind="any")


class Anniversary(Strict):
    """Today and the following days."""

    days: int = Field(ge=0, le=366, strict=True)


def text_values(value: Any) -> tuple[str, ...]:
    """Values of a list operator: text in NFC, each once, blanks dropped; raises ValueError when none is left."""
    if not isinstance(value, list | tuple):
        raise ValueError(_("Give a list of values."))
    if len(value) > MAX_VALUES:
        raise ValueError(_("At most %(most)d values.") % {"most": MAX_VALUES})
    if not all(isinstance(item, str) for item in value):
        raise ValueError(
            _("Each value is a text in quotes, also where it looks like a number: [%(example)s].")
            % {"example": '"1", "2"'}
        )
    if any(len(item) > MAX_VALUE_LENGTH for item in value):
        raise ValueError(_("A value has at most %(most)d characters.") % {"most": MAX_VALUE_LENGTH})
    texts = [unicodedata.normalize("NFC", item) for item in value]
    kept = tuple(dict.fromkeys(text for text in texts if text.strip()))
    if not kept:
        raise ValueError(_("The list has no value."))
    return kept


def number(value: Any) -> Number:
    """A finite number; raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(_("Give a number."))
    return value if abs(value) < 2**63 else float(value)


def number_pair(value: Any) -> tuple[Number, Number]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(_("Give the lower and the upper end as a list of two numbers."))
    low, high = number(value[0]), number(value[1])
    if low > high:
        raise ValueError(_("The lower end is above the upper end."))
    return low, high


def operator_value(operator: str, value: Any) -> Any:
    """The value in the shape that the operator needs; raises ValueError or pydantic's ValidationError."""
    if operator in ("empty", "not_empty"):
        if value is not None:
            raise ValueError(_("This operator takes no value."))
        return None
    if operator in LIST_OPERATORS:
        return text_values(value)
    if operator in COMPARE_OPERATORS:
        return number(value)
    if operator in ("between", "not_between"):
        return number_pair(value)
    if operator == "anniversary_within":
        return Anniversary.model_validate(value)
    return _window.validate_python(value)


class TagLeaf(Condition):
    """People whose tag has, or has not, certain values."""

    kind: Literal["tag"]
    dataset: str = Field(min_length=1, max_length=40)
    tag: str = Field(min_length=1, max_length=255)
    operator: TagOperator
    value: Any = Field(default=None, validate_default=True)
    ignore_case: bool = Field(default=False, strict=True)

    @field_validator("value", mode="before")
    @classmethod
    def _shape(cls, value: Any, info: ValidationInfo) -> Any:
        operator = info.data.get("operator")
        return value if operator is None else operator_value(operator, value)


class ObjectFilter(Strict):
    """What the behaviour was about. `any` fixes only the attribute, for tables in key/value form."""

    name: str = Field(min_length=1, max_length=255)
    operator: Literal[
        "in",
        "not_in",
        "contains",
        "not_contains",
        "starts_with",
        "not_starts_with",
        "ends_with",
        "not_ends_with",
        "empty",
        "not_empty",
        "any",
    ] = "in"
    value: Any = Field(default=None, validate_default=True)

    @field_validator("value", mode="before")
    @classmethod
    def _shape(cls, value: Any, info: ValidationInfo) -> Any:
        operator = info.data.get("operator")
        if operator is None:
            return value
        return operator_value("empty" if operator == "any" else operator, value)


Measure = Literal["times", "amount", "days", "amount_per_time", "last_at", "first_at"]
MOMENT_MEASURES = frozenset({"last_at", "first_at"})


class Comparison(Strict):
    """A person's total compared with a number, or their first or last time with a day or window."""

    measure: Measure
    operator: Literal["=", "!=", ">", ">=", "<", "<=", "between", "within"]
    value: Any

    @field_validator("operator")
    @classmethod
    def _fits(cls, operator: str, info: ValidationInfo) -> str:
        if operator == "within" and info.data.get("measure") not in MOMENT_MEASURES:
            raise ValueError(_("“within” is for last_at and first_at."))
        return operator

    @field_validator("value", mode="before")
    @classmethod
    def _shape(cls, value: Any, info: ValidationInfo) -> Any:
        measure, operator = info.data.get("measure"), info.data.get("operator")
        if measure is None or operator is None:
            return value
        if measure in MOMENT_MEASURES:
            return _moment_value(operator, value)
        return number_pair(value) if operator == "between" else number(value)


def _moment_value(operator: Any, value: Any) -> Any:
    if operator == "within":
        return _window.validate_python(value)
    if operator == "between":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(_("Give the first and the last day as a list of two."))
        first, last = parse_moment(value[0]), parse_moment(value[1])
        if not in_order(first, last):
            raise ValueError(_("The window ends before it begins."))
        return first, last
    moment: Moment = parse_moment(value)
    return moment


class HavingGroup(Strict):
    """Comparisons that must all hold (and), or one of them (or)."""

    op: Literal["and", "or"]
    items: tuple[Having, ...] = Field(min_length=1, max_length=20)


def _having_tag(data: Any) -> str:
    return (
        "group"
        if isinstance(data, HavingGroup) or (isinstance(data, dict) and "op" in data)
        else "comparison"
    )


Having = Annotated[
    Annotated[HavingGroup, Tag("group")] | Annotated[Comparison, Tag("comparison")],
    Discriminator(_having_tag),
]
HavingGroup.model_rebuild()


def _items(node: dict[str, Any]) -> list[Any]:
    items = node.get("items")
    return items if isinstance(items, list) else []


class Records(Strict):
    """Which records of a behaviour dataset are meant; what is left out may be anything."""

    type: tuple[str, ...] | None = None
    channel: tuple[str, ...] | None = None
    objects: tuple[ObjectFilter, ...] | None = Field(default=None, min_length=1, max_length=20)

    @field_validator("type", "channel", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return None if value is None else text_values(value)


class BehaviourLeaf(Condition, Records):
    """People who did, or did not do, something often, recently or for enough money."""

    kind: Literal["behaviour"]
    dataset: str = Field(min_length=1, max_length=40)
    did: bool = Field(default=True, strict=True)
    base: str | None = Field(default=None, max_length=40)
    window: Window = Field(default_factory=any_time)
    having: Having | None = None

    @field_validator("having", mode="before")
    @classmethod
    def _shallow(cls, value: Any) -> Any:
        level, depth = [value], 0
        while level := [item for node in level if isinstance(node, dict) for item in _items(node)]:
            depth += 1
            if depth > MAX_HAVING_DEPTH:
                raise ValueError(_("Groups are nested at most %(most)d deep.") % {"most": MAX_HAVING_DEPTH})
        return value

    @model_validator(mode="after")
    def _base_only_without(self) -> BehaviourLeaf:
        if self.did and self.base is not None:
            raise ValueError(_("“base” says of whom; it goes with did = false only."))
        return self


class AudienceLeaf(Condition):
    """Members of an audience, or of one of its snapshots."""

    kind: Literal["audience"]
    audience: str = Field(min_length=1, max_length=40)
    snapshot: int | str | None = None

    @property
    def key(self) -> str:
        """Tells the audience and each of its snapshots apart."""
        return self.audience if self.snapshot is None else f"{self.audience}/{self.snapshot}"

    @field_validator("snapshot", mode="before")
    @classmethod
    def _number_or_name(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | str | None):
            raise ValueError(_("Give the snapshot's number or its ID or name."))
        return value


Leaf = TagLeaf | BehaviourLeaf | AudienceLeaf
LEAVES: dict[str, type[TagLeaf] | type[BehaviourLeaf] | type[AudienceLeaf]] = {
    "tag": TagLeaf,
    "behaviour": BehaviourLeaf,
    "audience": AudienceLeaf,
}
