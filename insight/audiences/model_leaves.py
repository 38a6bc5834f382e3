"""Conditions on models, RFM and AIPL: their shapes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field, field_validator, model_validator

from insight.audiences.leaves import number
from insight.audiences.translating import Condition
from insight.audiences.windows import Shift, Strict, parse_moment, shift

RfmType = Literal[
    "high_value",
    "key_keep",
    "key_develop",
    "key_win_back",
    "general_value",
    "general_keep",
    "general_develop",
    "potential",
]
Stage = Literal["A", "I", "P", "L"]
STAGES: tuple[Stage, ...] = ("A", "I", "P", "L")
NO_STAGE = "none"
Score = Annotated[int | float, Field(ge=0)]


class MinimumScores(Strict):
    """Lowest scores of recency, frequency and amount; all given ones must be reached."""

    r: Score | None = None
    f: Score | None = None
    m: Score | None = None

    @model_validator(mode="after")
    def _some(self) -> MinimumScores:
        if self.r is None and self.f is None and self.m is None:
            raise ValueError(_("Give at least one score."))
        return self


class Ranges(Strict):
    """Lowest and highest values, both included, null where open: days since the last time, times, amount."""

    r_days: tuple[int | float | None, int | float | None] | None = None
    f: tuple[int | float | None, int | float | None] | None = None
    m: tuple[int | float | None, int | float | None] | None = None

    @field_validator("r_days", "f", "m", mode="before")
    @classmethod
    def _ends(cls, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError(_("Give the lower and the upper end as a list of two, null where it is open."))
        low, high = (None if end is None else number(end) for end in value)
        if low is None and high is None:
            raise ValueError(_("Give at least one end."))
        if low is not None and high is not None and low > high:
            raise ValueError(_("The lower end is above the upper end."))
        return [low, high]

    @model_validator(mode="after")
    def _some(self) -> Ranges:
        if self.r_days is None and self.f is None and self.m is None:
            raise ValueError(_("Give at least one range."))
        return self


class RfmLeaf(Condition):
    """People by their scores or type in an RFM model: give one of `types`, `min_scores` and `ranges`."""

    kind: Literal["rfm"]
    dataset: str = Field(min_length=1, max_length=40)
    types: tuple[RfmType, ...] | None = Field(default=None, min_length=1)
    min_scores: MinimumScores | None = None
    ranges: Ranges | None = None

    @model_validator(mode="after")
    def _one_way(self) -> RfmLeaf:
        if sum(way is not None for way in (self.types, self.min_scores, self.ranges)) != 1:
            raise ValueError(_("Give one of types, min_scores and ranges."))
        return self


class Transition(Strict):
    """From a stage, or from `none`, to others; `lost` has none any more, `converted` is any other stage."""

    from_: Literal["A", "I", "P", "L", "none"] = Field(alias="from")
    to: tuple[Literal["A", "I", "P", "L", "lost", "converted"], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _something_to_lose(self) -> Transition:
        if self.from_ == "none" and "lost" in self.to:
            raise ValueError(_("Who had no stage cannot lose it."))
        return self


class Flow(Strict):
    """How stages changed between two days, each exact or shifted from today."""

    from_: date | Shift = Field(alias="from")
    to: date | Shift
    transitions: tuple[Transition, ...] = Field(min_length=1, max_length=20)

    @field_validator("from_", "to", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return Shift.model_validate(value)
        moment = parse_moment(value)
        if isinstance(moment, datetime):
            raise ValueError(_("Give a day, without a time."))
        return moment

    @model_validator(mode="after")
    def _ordered(self) -> Flow:
        exact = isinstance(self.from_, date) and isinstance(self.to, date)
        if exact and self.from_ >= self.to:  # type: ignore[operator]
            raise ValueError(_("The first day must be before the last one."))
        return self

    def days(self, today: date) -> tuple[date, date]:
        """The two days, as they are today."""
        first, last = (
            end if isinstance(end, date) else shift(today, end.offset, end.unit)
            for end in (self.from_, self.to)
        )
        return first, last


class AiplLeaf(Condition):
    """People by their stage in an AIPL model, or by how it changed: give one of `stages` and `flow`."""

    kind: Literal["aipl"]
    dataset: str = Field(min_length=1, max_length=40)
    stages: tuple[Stage, ...] | None = Field(default=None, min_length=1)
    flow: Flow | None = None

    @model_validator(mode="after")
    def _one_way(self) -> AiplLeaf:
        if (self.stages is None) == (self.flow is None):
            raise ValueError(_("Give one of stages and flow."))
        return self


MODEL_LEAVES: dict[str, type[RfmLeaf] | type[AiplLeaf]] = {"rfm": RfmLeaf, "aipl": AiplLeaf}
