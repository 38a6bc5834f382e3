"""Where a send-out's page is."""

from __future__ import annotations

from django.urls import reverse

from marketing.delivery.models import SendOut


def page_of(send_out: SendOut) -> str:
    return reverse("delivery:detail", args=[send_out.workspace.slug, send_out.pk])
