"""Send-outs as users of audiences: what keeps an audience, and the way from an audience to a new send-out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from insight.audiences import applications, usage
from insight.audiences.models import Audience
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


def _new_url(channel: str, slug: str, audience: str) -> str:
    return reverse("delivery:new", args=[slug, channel]) + "?" + urlencode({"audience": audience})


def register() -> None:
    """Called once when the app is ready."""
    usage.register_use("send_outs", uses)
    applications.register(
        applications.Application(
            "email",
            _("Send an e-mail"),
            "mail",
            "marketing.email.create",
            lambda slug, audience: _new_url("email", slug, audience),
            frozenset(ID_TYPES_OF["email"]),
        )
    )
    applications.register(
        applications.Application(
            "custom",
            _("Call the own system"),
            "webhook",
            "marketing.custom.create",
            lambda slug, audience: _new_url("custom", slug, audience),
            frozenset(ID_TYPES_OF["custom"]),
        )
    )
    applications.register(
        applications.Application(
            "push",
            _("Send a push message"),
            "bell",
            "marketing.push.create",
            lambda slug, audience: _new_url("push", slug, audience),
            frozenset(ID_TYPES_OF["push"]),
        )
    )
    applications.register(
        applications.Application(
            "sms",
            _("Send an SMS"),
            "message",
            "marketing.sms.create",
            lambda slug, audience: _new_url("sms", slug, audience),
            frozenset(ID_TYPES_OF["sms"]),
        )
    )
