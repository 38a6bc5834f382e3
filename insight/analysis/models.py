"""What people have arranged for themselves in charts, and the counts of everybody that charts begin with."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import WorkspaceScoped
from insight.datasets.models import Dataset


class KeptCounts(models.Model):
    """Users per value of a dataset's tags, counted when its version was made: charts of everybody are read from here.

    `tags`: {tag: {"type", "known" (users with a value), "values": [[value, users]]}}, only tags with few values.
    """

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, primary_key=True, related_name="+")
    version = models.PositiveIntegerField()
    users = models.BigIntegerField()
    tags = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("counts of a dataset")

    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.version}"


class ChartOrder(WorkspaceScoped):
    """The order in which a person wants to see the values of a tag; nobody else sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    tag = models.CharField(max_length=255)
    values = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("order of a chart")
        constraints = [
            models.UniqueConstraint(fields=["user", "dataset", "tag"], name="chart_order_once_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.tag}"
