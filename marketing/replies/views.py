"""Pages of replies: reading them, and writing back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    BulkAction,
    Column,
    DateColumn,
    FormPage,
    ListPage,
    TextColumn,
)
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, NotFound
from marketing.content.models import Template
from marketing.replies import services
from marketing.replies.filters import ReplyFilter
from marketing.replies.models import InboundMessage

CHOSEN = "replies:chosen"
WRITE_BACK = "write_back"


class ReplyList(ListPage):
    permission = "marketing.sms.view"
    title = _("Replies")
    intro = _("What people answer to your SMS. A T, TD, N or 退订 ends promotional SMS with that signature.")
    filterset_class = ReplyFilter
    search_fields = ("text", "last_digits")
    ordering = "-received_at"
    empty_icon = "message-reply"
    empty_title = _("No replies yet")
    empty_text = _("They appear here where your SMS platform hands them over: switch it on in the channel.")
    columns = (
        Column("last_digits", _("Number"), link=True, value=lambda row: f"…{row.last_digits}"),
        TextColumn("text", _("Reply"), css="text-break"),
        Column("signature_text", _("Signature"), sort="signature_text"),
        BadgeColumn("state", _("State"), label_of="state_label"),
        BadgeColumn(
            "unsubscribes",
            _("Unsubscribed"),
            value=lambda row: "rejected" if row.unsubscribes else "",
            label_of=lambda row: _("Unsubscribed") if row.unsubscribes else "",
        ),
        Column("send_out", _("Answers to"), value=lambda row: row.send_out.name if row.send_out else "–"),
        DateColumn("received_at", _("Received"), sort="received_at"),
    )
    bulk_actions = (
        BulkAction(
            "read",
            _("Mark as read"),
            lambda access, row: services.mark_read(access, [row]),
            icon="checks",
            permission="marketing.sms.create",
        ),
        BulkAction(
            WRITE_BACK,
            _("Write back"),
            lambda _access, _row: None,
            icon="message-reply",
            permission="marketing.sms.send",
        ),
    )

    def get_queryset(self) -> QuerySet[InboundMessage]:
        return InboundMessage.objects.in_workspace(self.workspace).select_related("send_out")

    def row_url(self, row: InboundMessage) -> str:
        if not self.access.can("marketing.sms.send"):
            return ""
        return self.reverse("replies:answer") + "?" + urlencode({"reply": row.pk})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = request.POST.getlist("row")[: services.MOST]
        if request.POST.get("action") == WRITE_BACK and chosen:
            request.session[CHOSEN] = chosen
            return HttpResponseRedirect(self.reverse("replies:answer"))
        return super().post(request, *args, **kwargs)


class AnswerForm(forms.Form):
    template: Any = forms.ModelChoiceField(
        label=_("Template"),
        queryset=Template.objects.none(),
        empty_label="–",
        widget=forms.Select({"data-select": ""}),
        help_text=_("Promotional SMS templates that the platform has approved and that have no variables."),
    )

    def __init__(self, *args: Any, templates: QuerySet[Template], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["template"].queryset = templates  # type: ignore[attr-defined]


class Answer(FormPage):
    """Of the reply in the address, or of those that were ticked in the list."""

    permission = "marketing.sms.send"
    title = _("Write back")
    template_name = "marketing/replies/answer.html"
    form_class = AnswerForm
    submit_label = _("Send")
    back_url_name = "replies:list"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self._keys():
            return HttpResponseRedirect(self.reverse("replies:list"))
        return super().get(request, *args, **kwargs)

    def _keys(self) -> list[str]:
        given = self.request.POST.getlist("reply") or self.request.GET.getlist("reply")
        return given or self.request.session.get(CHOSEN, [])

    def get_object(self) -> list[InboundMessage]:
        try:
            return services.chosen(self.access, self._keys())
        except DomainError as error:
            raise NotFound(str(error)) from None

    def form_options(self, obj: list[InboundMessage]) -> dict[str, Any]:
        return {"templates": services.answerable(self.access)}

    def extra(self, form: AnswerForm, obj: list[InboundMessage]) -> dict[str, Any]:
        numbers = {row.target_hash for row in obj}
        return {
            "replies": sorted(obj, key=lambda row: row.received_at, reverse=True),
            "numbers": len(numbers),
            "may_mark": self.access.can("marketing.sms.create"),
            "unread": obj[0].pk if len(obj) == 1 and obj[0].read_at is None else "",
        }

    def save(self, form: AnswerForm, obj: list[InboundMessage]) -> list[InboundMessage]:
        made = services.answer(self.access, obj, form.cleaned_data["template"])
        people = sum(row.recipients.count() for row in made)
        text = ngettext(
            "One SMS is on its way. Follow it among the send-outs.",
            "%(count)d SMS are on their way. Follow them among the send-outs.",
            people,
        )
        flash(self.request, text % {"count": people})
        self.request.session.pop(CHOSEN, None)
        return obj

    def success_url(self, obj: Any) -> str:
        return self.reverse("replies:list")


class MarkRead(ActionView):
    permission = "marketing.sms.create"
    model = InboundMessage
    success_message = _("Marked as read.")

    def act(self, obj: InboundMessage) -> int:
        return services.mark_read(self.access, [obj])

    def success_url(self, obj: InboundMessage, result: Any) -> str:
        return self.reverse("replies:list")
