"""Conditions on the order of behaviour: first this, then that. Their shape."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from django.utils.translation import gettext as _
from pydantic import Field, model_validator

from insight.audiences.leaves import Records, any_time
from insight.audiences.limits import MAX_DAYS, MAX_STEPS
from insight.audiences.translating import Condition
from insight.audiences.windows import Strict, Window

Property = Annotated[str, Field(min_length=1, max_length=255)]
Properties = Annotated[tuple[Property, ...], Field(min_length=1, max_length=5)]


class Gap(Strict):
    """The longest time from one step to the next, itself included; in one unit."""

    days: int | None = Field(default=None, ge=1, le=MAX_DAYS, strict=True)
    hours: int | None = Field(default=None, ge=1, le=MAX_DAYS * 24, strict=True)
    minutes: int | None = Field(default=None, ge=1, le=MAX_DAYS * 24 * 60, strict=True)

    @model_validator(mode="after")
    def _one_unit(self) -> Gap:
        if sum(part is not None for part in (self.days, self.hours, self.minutes)) != 1:
            raise ValueError(_("Give one of days, hours and minutes."))
        return self

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days or 0, hours=self.hours or 0, minutes=self.minutes or 0)


class Barrier(Records):
    """Records that may not lie between two steps; with `same`, only those that share these values with the steps."""

    same: Properties | None = None


class Step(Records):
    """Records, later than those of the step before.

    `within` bounds the time since the step before, `not_between` names what may not have happened in the meantime, and
    `same` the objects whose values both steps share.
    """

    within: Gap | None = None
    not_between: tuple[Barrier, ...] | None = Field(default=None, min_length=1, max_length=5)
    same: Properties | None = None


class SequenceLeaf(Condition):
    """People with records of all steps, one after the other; `window` holds all of them."""

    kind: Literal["sequence"]
    dataset: str = Field(min_length=1, max_length=40)
    steps: tuple[Step, ...] = Field(min_length=2, max_length=MAX_STEPS)
    window: Window = Field(default_factory=any_time)

    @model_validator(mode="after")
    def _first_stands_alone(self) -> SequenceLeaf:
        first = self.steps[0]
        if first.within or first.not_between or first.same:
            raise ValueError(_("The first step has none before it: no within, not_between or same."))
        return self
