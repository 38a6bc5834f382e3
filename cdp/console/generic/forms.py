"""Pages with a form: create and edit through a service, errors at the field, nothing typed is lost."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_htmx.http import trigger_client_event

from cdp.console.generic.base import WorkspaceView
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, PermissionDenied


def apply_errors(form: forms.BaseForm, error: DomainError) -> None:
    """A service's errors at the form's fields; what belongs to no field stands above the form."""
    placed = False
    for field, found in error.errors.items():
        name = field if field in form.fields else field.replace("/", "_")
        for message in found:
            form.add_error(name if name in form.fields else None, str(message))
            placed = True
    if not placed:
        form.add_error(None, str(error))


class FormPage(WorkspaceView):
    """Subclasses give `form_class` and `save`; for editing also `get_object`."""

    template_name = "console/form.html"
    form_class: ClassVar[Any] = None
    submit_label: Any = ""
    success_message: Any = ""
    back_url_name: ClassVar[str] = ""

    def get_object(self) -> Any:
        """The object to edit; None when creating."""
        return None

    def initial(self, obj: Any) -> dict[str, Any]:
        return {}

    def form_options(self, obj: Any) -> dict[str, Any]:
        """More arguments for the form, such as the workspace for its choices."""
        return {}

    def save(self, form: Any, obj: Any) -> Any:
        """Call the service; the answer is the saved object. DomainErrors appear at the fields."""
        raise NotImplementedError

    def success_url(self, obj: Any) -> str:
        raise NotImplementedError

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        """More for the template."""
        return {}

    def seen_version(self) -> int | None:
        """The state of the object that the person saw when the form was opened."""
        given = self.request.POST.get("edit_version", "")
        return int(given) if given.isdecimal() else None

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = self.get_object()
        form = self.form_class(initial=self.initial(obj), **self.form_options(obj))
        return self.show(form, obj)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = self.get_object()
        form = self.form_class(
            request.POST, request.FILES, initial=self.initial(obj), **self.form_options(obj)
        )
        if form.is_valid():
            try:
                saved = self.save(form, obj)
            except PermissionDenied:
                raise
            except DomainError as error:
                apply_errors(form, error)
            else:
                if self.success_message:
                    flash(request, self.success_message)
                self.saved = saved
                return HttpResponseRedirect(self.success_url(saved))
        return self.show(form, obj, status=422)

    def show(self, form: Any, obj: Any, status: int = 200) -> HttpResponse:
        context = self.get_context(
            form=form,
            object=obj,
            edit_version=self.request.POST.get("edit_version") or getattr(obj, "edit_version", ""),
            back_url=self.reverse(self.back_url_name) if self.back_url_name else "",
            submit_label=self.submit_label,
        )
        return self.render(self.template_name, {**context, **self.extra(form, obj)}, status=status)


class DialogFormPage(FormPage):
    """A page of its own, or the form alone for a dialog, whose page learns by an event what was made."""

    dialog_template_name = "console/dialog_form.html"
    event: ClassVar[str] = ""

    def told(self, obj: Any) -> dict[str, Any]:
        """What the event says of the object."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        if not request.htmx or answer.status_code != 302:  # type: ignore[attr-defined]
            return answer
        made = HttpResponse(status=204)
        trigger_client_event(made, self.event, self.told(self.saved))
        return made

    def show(self, form: Any, obj: Any, status: int = 200) -> HttpResponse:
        if not self.request.htmx:  # type: ignore[attr-defined]
            return super().show(form, obj, status)
        # The page around it may have fields of the same names.
        form.auto_id = "dialog_%s"
        context = {**self.get_context(form=form, object=obj), **self.extra(form, obj)}
        return self.render(self.dialog_template_name, context, status=status)
