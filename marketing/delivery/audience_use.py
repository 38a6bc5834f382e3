"""Send-outs as users of audiences: what keeps an audience, and the way from an audience to a new send-out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from insight.audiences import applications, usage
from insight.audiences.models import Audience
from marketing.delivery import targeting
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPES_OF


def uses(audience: Audience) -> Iterator[usage.Use]:
    """Every send-out keeps its audiences, also those that it leaves out; one that is over must be removed first."""
    slug = audience.workspace.slug
    rows = (
        SendOut.objects.filter(Q(audience=audience) | Q(parts__audience=audience)).distinct().order_by("name")
    )
    for pk, name in rows.values_list("pk", "name"):
        yield usage.Use(SendOut._meta.verbose_name, name, reverse("delivery:detail", args=[slug, pk]))


def _new_url(channel: str, slug: str, *audiences: str) -> str:
    chosen = urlencode([("audience", key) for key in audiences])
    return f"{reverse('delivery:new', args=[slug, channel])}?{chosen}"


def register() -> None:
    """Called once when the app is ready."""
    usage.register_use("send_outs", uses)
    for channel, label, icon in (
        ("email", _("Send an e-mail"), "mail"),
        ("custom", _("Call the own system"), "webhook"),
        ("push", _("Send a push message"), "bell"),
        ("sms", _("Send an SMS"), "message"),
    ):
        applications.register(
            applications.Application(
                channel,
                label,
                icon,
                f"marketing.{channel}.create",
                partial(_new_url, channel),
                frozenset(ID_TYPES_OF[channel]),
                most=targeting.MOST,
            )
        )
