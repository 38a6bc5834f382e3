"""Pages on which digital SMS are made, also in a dialog of the page that needs one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_htmx.http import trigger_client_event

from cdp.console.generic import FormPage
from cdp.console.generic.base import WorkspaceView
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, ValidationFailed
from marketing.channels.models import Provider
from marketing.content import digital, services
from marketing.content.columns import described
from marketing.content.digital_form import FIELDS, DigitalForm, at_the_parts
from marketing.content.models import Template
from marketing.content.views import PERMISSION, TemplateMixin
from marketing.materials import services as materials

MOST_FILES = 24


class DigitalFormPage(FormPage):
    permission = PERMISSION
    template_name = "marketing/content/digital_form.html"
    form_class = DigitalForm
    back_url_name = "content:list"
    submit_label = _("Save and send in for review")

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def initial(self, obj: Template | None) -> dict[str, Any]:
        if obj is None:
            return {}
        values = {name: getattr(obj, name) for name in FIELDS}
        return {**values, "signature": obj.signature_id, "parts": digital.with_addresses(obj.parts)}

    def extra(self, form: DigitalForm, obj: Template | None) -> dict[str, Any]:
        return {
            "limits": {
                "parts": digital.MOST_PARTS,
                "bytes": digital.MOST_BYTES,
                "text": digital.LONGEST_TEXT,
            },
            "accept": {"image": ".jpg,.jpeg,.png,.gif", "audio": ".mp3", "video": ".mp4"},
        }

    def save(self, form: DigitalForm, obj: Template | None) -> Template:
        try:
            template = self.write(form.cleaned_data, obj)
        except ValidationFailed as error:
            raise ValidationFailed(str(error), errors=at_the_parts(error.errors)) from error
        self.send_in(template)
        return template

    def write(self, values: dict[str, Any], obj: Template | None) -> Template:
        raise NotImplementedError

    def send_in(self, template: Template) -> None:
        """What cannot be sent in now is kept, and the person told."""
        assert template.signature is not None
        try:
            services.submit_for_review(self.access, template, template.signature.provider)
        except DomainError as error:
            flash(
                self.request,
                gettext("Saved, but not sent in for review: %(reason)s") % {"reason": error},
                messages.WARNING,
            )
        else:
            if not self.request.htmx:
                flash(self.request, gettext("Saved and sent in for review."))

    def success_url(self, obj: Template) -> str:
        return self.reverse("content:detail", pk=obj.pk)


class NewDigital(DigitalFormPage):
    """`from` in the address is a template that it begins with, `name` its name.

    In a dialog the page is told of the new template; of the one that it began with, where nothing was changed.
    """

    title = _("New digital SMS")

    def _before(self) -> Template | None:
        key = self.request.GET.get("from", "")
        return Template.objects.get_in(self.workspace, key) if key else None

    def initial(self, obj: Any) -> dict[str, Any]:
        before, name = self._before(), self.request.GET.get("name", "")
        values = super().initial(before)
        if before is not None:
            values["name"] = services.free_name(self.workspace, before.channel, name or before.name)
        return values

    def show(self, form: DigitalForm, obj: Any, status: int = 200) -> HttpResponse:
        if not self.request.htmx:
            return super().show(form, obj, status)
        context = {**self.get_context(form=form), **self.extra(form, obj), "quick": True}
        return self.render("marketing/content/digital_quick.html", context, status=status)

    def write(self, values: dict[str, Any], obj: Any) -> Template:
        before = self._before()
        if before is not None and self.request.htmx:
            parts = digital.taken(self.access, before, values["parts"])
            said = Template(subject=values["subject"], signature=values["signature"], parts=parts)
            if digital.same_words(before, said):
                return before
        return services.create_template(self.access, Provider.Channel.SMS, values)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        return self.made if request.htmx and answer.status_code == 302 else answer

    def success_url(self, obj: Template) -> str:
        if not self.request.htmx:
            return super().success_url(obj)
        self.made = HttpResponse(status=204)
        told = {"id": obj.pk, "name": obj.name, "text": obj.text, "purpose": obj.purpose}
        trigger_client_event(self.made, "template-made", {**told, "digital": described(obj)})
        return "/"


class EditDigital(TemplateMixin, DigitalFormPage):
    title = _("Edit the digital SMS")

    def get_object(self) -> Template:
        template = super().get_object()
        if not template.is_digital:
            raise Http404
        return template

    def write(self, values: dict[str, Any], obj: Template | None) -> Template:
        assert obj is not None
        return services.update_template(self.access, obj, values, edit_version=self.seen_version())


class DigitalFiles(WorkspaceView):
    """Files for parts: those of the library that one sees, and new ones, which then are in the library as well."""

    permission = PERMISSION

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        kind = request.GET.get("kind", "")
        rows = materials.visible(self.access).filter(kind=kind, format__in=digital.FORMATS.get(kind, ()))
        if words := request.GET.get("search", "").strip():
            rows = rows.filter(name__icontains=words)
        return JsonResponse({"files": [digital.as_part(row) for row in rows[:MOST_FILES]]})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        file = request.FILES.get("file")
        if file is None:
            return JsonResponse({"error": gettext("Choose a file.")}, status=400)
        try:
            material = materials.upload(self.access, str(file.name), file)
        except ValidationFailed as error:
            return JsonResponse({"error": str(error)}, status=400)
        return JsonResponse(digital.as_part(material), status=201)
