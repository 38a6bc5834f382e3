"""Send-outs as campaigns show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from insight.campaigns import links
from marketing.channels.models import Provider
from marketing.delivery import costs, lift, list_figures
from marketing.delivery.models import SendOut

KIND = "send_out"


def find(access: Access, ids: Sequence[str]) -> Iterable[links.Linked]:
    """Those of the channels that the person may see, channel by channel, the latest first, with figures counted from
    the ledger, what people have spent, and what they cost."""
    channels = [name for name in Provider.Channel.values if access.can(f"marketing.{name}.view")]
    rows = SendOut.objects.in_workspace(access.workspace).filter(pk__in=ids, channel__in=channels)
    order = {name: number for number, name in enumerate(Provider.Channel.values)}
    found = sorted(rows.order_by("-updated_at"), key=lambda row: order[row.channel])
    list_figures.attach(found)
    known = costs.of_all(found)
    listed = reverse("delivery:list", args=[access.workspace.slug])
    for row in found:
        yield links.Linked(
            id=row.pk,
            name=row.name,
            url=reverse("delivery:detail", args=[access.workspace.slug, row.pk]),
            state=row.get_state_display(),
            state_key=row.state,
            people=row.sent,  # type: ignore[attr-defined]
            updated_at=row.updated_at,
            results={name: getattr(row, name) for name in links.RESULTS},
            group=row.get_channel_display(),
            group_url=f"{listed}?channel={row.channel}",
            revenue=lift.revenue(row),
            cost=known.get(row.pk),
            currency=row.price_currency,
        )


def register() -> None:
    """Called once when the app is ready."""
    links.register(links.LinkedKind(KIND, _("Send-outs"), "send", find, groups=_("Channel"), has_money=True))
