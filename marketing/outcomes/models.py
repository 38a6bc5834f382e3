"""What happened to messages, as tables of the lake that behaviour datasets are made of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.identifiers import ID_TYPES
from cdp.core.models import PrefixedIdField, WorkspaceScoped
from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable
from marketing.delivery.models import SendOut


class EventTable(WorkspaceScoped):
    """The events of those people of a workspace that are known by one type of ID in one form."""

    id = PrefixedIdField("met")
    id_type = models.CharField(_("ID type"), max_length=16)
    encryption = models.CharField(max_length=8, default="plain")
    table = models.OneToOneField(SourceTable, on_delete=models.CASCADE, related_name="+")
    dataset = models.OneToOneField(Dataset, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("message events")
        ordering = ["id_type", "encryption"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "id_type", "encryption"], name="event_table_once")
        ]

    def __str__(self) -> str:
        return self.table.name

    @property
    def known_by(self) -> str:
        """The ID in words, with its form unless that is plain: “Mobile number, MD5”."""
        form = f", {self.encryption.upper()}" if self.encryption != "plain" else ""
        return f"{ID_TYPES[self.id_type].label}{form}"


class WrittenSendOut(models.Model):
    """How a send-out's rows looked when its events were written. `last`: nothing of it is written any more."""

    send_out = models.OneToOneField(
        SendOut, on_delete=models.CASCADE, primary_key=True, related_name="written_events"
    )
    fingerprint = models.CharField(max_length=120)
    last = models.BooleanField(default=False)
    written_at = models.DateTimeField(auto_now=True)


class EventRun(models.Model):
    """When a workspace's events were last brought up to date."""

    workspace = models.OneToOneField(
        "organizations.Workspace", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    ran_at = models.DateTimeField(_("brought up to date"))
