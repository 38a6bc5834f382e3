"""Send-outs as campaigns show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from insight.campaigns import links
from marketing.channels.models import Provider
from marketing.delivery import queries
from marketing.delivery.models import SendOut

KIND = "send_out"


def find(access: Access, ids: Sequence[str]) -> Iterable[links.Linked]:
    """Those of the channels that the person may see, the latest first, with figures counted from the ledger."""
    channels = [name for name in Provider.Channel.values if access.can(f"marketing.{name}.view")]
    rows = SendOut.objects.in_workspace(access.workspace).filter(pk__in=ids, channel__in=channels)
    for row in queries.with_figures(rows).order_by("-updated_at"):
        yield links.Linked(
            id=row.pk,
            name=row.name,
            url=reverse("delivery:detail", args=[access.workspace.slug, row.pk]),
            state=row.get_state_display(),
            state_key=row.state,
            people=row.sent,  # type: ignore[attr-defined]
            updated_at=row.updated_at,
            results={name: getattr(row, name) for name in links.RESULTS},
        )


def register() -> None:
    """Called once when the app is ready."""
    links.register(links.LinkedKind(KIND, _("Send-outs"), "send", find))
