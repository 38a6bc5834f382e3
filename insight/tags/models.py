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
        dataset = self.field.dataset
        return str(dataset.stats.get("failed", {}).get(self.field.column, "")) or (
            dataset.error if dataset.state == dataset.State.FAILED else ""
        )
