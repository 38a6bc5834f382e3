"""Pages of signatures: those that a platform knows, and new ones that it reviews; also in a dialog."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_htmx.http import trigger_client_event

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
)
from cdp.console.generic.detail import ObjectMixin
from cdp.core import where_used
from marketing.content import reviews, signatures
from marketing.content.forms import NewSignatureForm, SignatureForm
from marketing.content.models import Signature
from marketing.content.views import PERMISSION


class SignatureList(ListPage):
    permission = PERMISSION
    title = _("Signatures")
    intro = _("Names in front of SMS, as platforms have approved them.")
    template_name = "marketing/content/signatures.html"
    search_fields = ("text",)
    ordering = "text"
    create_url_name = "content:signature-new"
    create_label = _("Add an approved one")
    empty_icon = "signature"
    empty_title = _("No signatures yet")
    empty_text = _("Register the signature that your SMS platform has approved.")
    columns = (
        Column("text", _("Signature"), sort="text", link=True),
        Column("provider", _("Provider"), value="provider.name", sort="provider__name"),
        Column("source", _("Source"), value="get_source_display"),
        BadgeColumn("state", _("Review"), label_of="get_state_display", hint="reason"),
        DateColumn("updated_at", _("Asked"), sort="updated_at"),
    )

    def get_queryset(self) -> QuerySet[Signature]:
        rows = Signature.objects.in_workspace(self.workspace).select_related("provider")
        return rows.prefetch_related("proofs")

    def row_url(self, row: Signature) -> str:
        return self.reverse("content:signature", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        takes_new = signatures.platforms(self.workspace).exists()
        return {
            **super().get_context(**more),
            "back_url": self.reverse("content:list"),
            "submit_url": self.reverse("content:signature-submit") if takes_new else "",
        }


class SignatureDetail(DetailPage):
    permission = PERMISSION
    model = Signature
    template_name = "marketing/content/signature.html"
    back_url_name = "content:signatures"
    back_label = _("Signatures")

    def facts(self, obj: Signature) -> list[Fact]:
        facts = [
            Fact(_("Provider"), obj.provider.name),
            Fact(_("Review"), obj.get_state_display(), obj.reason),
        ]
        return [*facts, Fact(_("Source"), obj.get_source_display())] if obj.source else facts

    def extra(self, obj: Signature) -> dict[str, Any]:
        return {"uses": where_used.of(self.access, obj)}


class SignaturePage(FormPage):
    """A page of its own, or the form alone for a dialog that tells its page of the signature."""

    permission = PERMISSION
    back_url_name = "content:signatures"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def show(self, form: Any, obj: Any, status: int = 200) -> HttpResponse:
        if not self.request.htmx:
            return super().show(form, obj, status)
        return self.render(
            "marketing/content/signature_quick.html", self.get_context(form=form), status=status
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        return self.made if request.htmx and answer.status_code == 302 else answer

    def success_url(self, obj: Signature) -> str:
        self.made = HttpResponse(status=204)
        trigger_client_event(self.made, "signature-made", {"id": obj.pk, "name": obj.text})
        return self.reverse("content:signatures")


class NewSignature(SignaturePage):
    title = _("Add an approved signature")
    form_class = SignatureForm

    def save(self, form: SignatureForm, obj: Any) -> Signature:
        return signatures.add(self.access, form.cleaned_data["provider"], form.cleaned_data["text"])


class SubmitSignature(SignaturePage):
    title = _("New signature")
    form_class = NewSignatureForm
    submit_label = _("Send in for review")

    def save(self, form: NewSignatureForm, obj: Any) -> Signature:
        values = form.values()
        return signatures.submit_new(self.access, values.pop("provider"), values.pop("text"), **values)


class EditSignature(ObjectMixin, SignaturePage):
    """Of a rejected one: the answer is sent in at once."""

    model = Signature
    title = _("Edit the signature")
    form_class = NewSignatureForm
    submit_label = _("Send in for review")

    def form_options(self, obj: Signature) -> dict[str, Any]:
        return {"workspace": self.workspace, "kept": [row.name for row in obj.proofs.all()]}

    def initial(self, obj: Signature) -> dict[str, Any]:
        return {"text": obj.text, "source": obj.source, "note": obj.note}

    def save(self, form: NewSignatureForm, obj: Signature) -> Signature:
        return signatures.submit_again(self.access, obj, **form.values())


class CheckSignature(ActionView):
    permission = PERMISSION
    model = Signature

    def act(self, obj: Signature) -> Signature:
        return reviews.check_signature(obj)

    def message(self, obj: Signature, result: Signature) -> str:
        return f"{result.text}: {result.get_state_display()}"

    def success_url(self, obj: Signature, result: Any) -> str:
        return self.reverse("content:signatures")


class DeleteSignature(DeletePage):
    permission = PERMISSION
    model = Signature
    back_url_name = "content:signatures"

    def delete(self, obj: Signature) -> None:  # type: ignore[override]
        signatures.delete(self.access, obj)
