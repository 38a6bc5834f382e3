"""How replies are looked for, in the console and the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from marketing.replies.models import InboundMessage

STATES = [("unread", _("Unread")), ("read", _("Read")), ("answered", _("Answered"))]


class ReplyFilter(django_filters.FilterSet):
    """By signature and by what has been done about them."""

    signature = django_filters.ChoiceFilter(
        field_name="signature_text",
        label=_("Signature"),
        choices=list,
        empty_label=_("All signatures"),
    )
    state = django_filters.ChoiceFilter(
        label=_("State"), choices=STATES, empty_label=_("All states"), method="in_state"
    )

    class Meta:
        model = InboundMessage
        fields = ["signature", "state"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows: Any = self.queryset
        texts = (
            rows.exclude(signature_text="")
            .order_by("signature_text")
            .values_list("signature_text", flat=True)
        )
        self.filters["signature"].extra["choices"] = [(text, text) for text in texts.distinct()]

    def in_state(self, rows: QuerySet[InboundMessage], name: str, value: str) -> QuerySet[InboundMessage]:
        if value == "answered":
            return rows.filter(answer__isnull=False)
        return rows.filter(answer=None, read_at__isnull=value == "unread")
