"""Custom tags: tags whose values are rules."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from insight.datasets.models import DatasetField


class CustomTag(WorkspaceScoped, TimeStamped, Versioned):
    """How the people of a tag are found. Name, category and description are those of its field.

    `values` are `{"value", "remark", "rule"}` in the order in which they win; `reads` is what the rules read, as
    [kind, ID, columns]. `due`: it was changed since the last refresh was asked for.
    """

    id = PrefixedIdField("ctg")
    field = models.OneToOneField(DatasetField, on_delete=models.CASCADE, related_name="custom_tag")
    values: Any = models.JSONField(default=list)
    rest = models.CharField(
        _("value of the others"),
        max_length=64,
        blank=True,
        help_text=_("Of people whom the rules' data know and no rule fits; empty: they have no value."),
    )
    reads: Any = models.JSONField(default=list)
    due = models.BooleanField(default=True, db_index=True)

    class Meta:
        verbose_name = _("custom tag")
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.field.name

    @property
    def failure(self) -> str:
        """Why it could not be computed last; "" where it could."""
        return failure(self.field)


def failure(item: DatasetField) -> str:
    """Why a tag could not be computed last; "" where it could."""
    dataset = item.dataset
    return str(dataset.stats.get("failed", {}).get(item.column, "")) or (
        dataset.error if dataset.state == dataset.State.FAILED else ""
    )


def state(item: DatasetField) -> Any:
    """How far a tag is: its dataset's state, except that one tag may fail, or wait to be computed first, alone."""
    states = type(item.dataset).State
    if item.dataset.state != states.RUNNING and failure(item):
        return states.FAILED
    return states.NEW if item.deleted and item.dataset.state == states.READY else states(item.dataset.state)
