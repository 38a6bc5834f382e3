"""What the page knows on which an SMS is written: it shows the whole message and its length while somebody types."""

from __future__ import annotations

from typing import Any

from marketing.channels import capabilities
from marketing.channels.models import Provider
from marketing.content.columns import described
from marketing.content.models import Template
from marketing.delivery.sms_rules import is_promotional


def known(workspace: Any) -> dict[str, Any]:
    """Texts of the templates, and how each platform completes and bills what is written."""
    templates = Template.objects.in_workspace(workspace).filter(channel=Provider.Channel.SMS)
    providers = Provider.objects.in_workspace(workspace).filter(channel=Provider.Channel.SMS)
    return {
        "templates": {
            row.pk: {
                "text": row.text,
                "promotional": is_promotional(row),
                "digital": described(row) if row.is_digital else None,
            }
            for row in templates.select_related("signature").prefetch_related("reviews")
        },
        "providers": {row.pk: _told(capabilities.of(row)) for row in providers},
    }


def _told(can: capabilities.Capabilities) -> dict[str, str]:
    """Of a platform: what ends promotions, how it bills, and where it puts the signature."""
    return {
        "ending": can.unsubscribe(promotional=True),
        "billing": can.billing,
        "signature": can.signature_form,
    }
