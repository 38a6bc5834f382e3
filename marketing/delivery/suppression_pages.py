"""Pages of suppressions: who must not be written to, and bringing somebody back."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import Column, DateColumn, DeletePage, FormPage, ListPage
from marketing.channels.models import Provider
from marketing.delivery import suppressions
from marketing.delivery.forms import ResubscribeForm, SuppressionForm
from marketing.delivery.models import Suppression


class SuppressionFilter(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(
        label=_("Channel"), choices=Provider.Channel.choices, empty_label=_("All channels")
    )
    reason = django_filters.ChoiceFilter(
        label=_("Reason"), choices=Suppression.Reason.choices, empty_label=_("All reasons")
    )

    class Meta:
        model = Suppression
        fields = ["channel", "reason"]


class SuppressionList(ListPage):
    permission = "marketing.accounts.manage"
    title = _("Suppressions")
    intro = _("Addresses and numbers that get no more messages on a channel.")
    filterset_class = SuppressionFilter
    search_fields = ("masked",)
    ordering = "-created_at"
    create_url_name = "delivery:suppression-new"
    create_label = _("Add")
    empty_icon = "ban"
    empty_title = _("Nobody is suppressed")
    empty_text = _("People who unsubscribe and addresses that do not exist appear here by themselves.")
    columns = (
        Column("masked", _("Target"), link=True),
        Column("channel", _("Channel"), value="get_channel_display", sort="channel"),
        Column("signature", _("Signature alone"), sort="signature"),
        Column("reason", _("Reason"), value="get_reason_display", sort="reason"),
        DateColumn("created_at", _("Since"), sort="created_at"),
    )

    def get_queryset(self) -> QuerySet[Suppression]:
        return Suppression.objects.in_workspace(self.workspace)

    def row_url(self, row: Suppression) -> str:
        page = "resubscribe" if row.source == suppressions.BY_REPLY else "suppression-delete"
        return self.reverse(f"delivery:{page}", pk=row.pk)


class NewSuppression(FormPage):
    permission = "marketing.accounts.manage"
    title = _("Add a suppression")
    form_class = SuppressionForm
    back_url_name = "delivery:suppressions"
    success_message = _("Saved. No more messages go there.")

    def save(self, form: SuppressionForm, obj: Any) -> Suppression:
        return suppressions.add(self.access, form.cleaned_data["channel"], form.cleaned_data["target"])

    def success_url(self, obj: Suppression) -> str:
        return self.reverse("delivery:suppressions")


class DeleteSuppression(DeletePage):
    permission = "marketing.accounts.manage"
    model = Suppression
    back_url_name = "delivery:suppressions"

    def consequences(self, obj: Suppression) -> list[Any]:
        return [_("Messages go there again. Do this only if the person has agreed.")]

    def delete(self, obj: Suppression) -> None:  # type: ignore[override]
        suppressions.remove(self.access, obj)


class Resubscribe(FormPage):
    """For whoever unsubscribed by a reply: it needs a reason, which the audit log keeps."""

    permission = "marketing.accounts.manage"
    title = _("Bring somebody back")
    template_name = "marketing/delivery/resubscribe.html"
    form_class = ResubscribeForm
    back_url_name = "delivery:suppressions"
    submit_label = _("Messages may go there again")
    success_message = _("Messages go there again.")

    def get_object(self) -> Suppression:
        return Suppression.objects.get_in(self.workspace, self.kwargs["pk"])

    def save(self, form: ResubscribeForm, obj: Suppression) -> None:
        suppressions.remove(self.access, obj, form.cleaned_data["why"])

    def success_url(self, obj: Any) -> str:
        return self.reverse("delivery:suppressions")
