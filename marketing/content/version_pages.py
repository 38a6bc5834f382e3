"""Pages of a template's versions, and of what it says for people without a value."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cdp.console.generic import ActionView, DetailPage, Fact, FormPage
from cdp.console.middleware import flash
from marketing.channels.models import Provider
from marketing.content import defaults, push, rendering, services, versions
from marketing.content.columns import described
from marketing.content.models import Template, TemplateVersion
from marketing.content.views import TemplateMixin, facts_of

LABELS = {
    "name": gettext_lazy("Name"),
    "purpose": gettext_lazy("Purpose"),
    "subject": gettext_lazy("Subject"),
    "sender_name": gettext_lazy("Sender name"),
    "html": gettext_lazy("HTML"),
    "design": gettext_lazy("Blocks"),
    "text": pgettext_lazy("message", "Text"),
    "parts": gettext_lazy("Parts"),
    "signature": gettext_lazy("Signature"),
    "note": gettext_lazy("Note for the reviewer"),
    "push": gettext_lazy("What a tap does"),
    "defaults": gettext_lazy("Defaults of variables"),
}


def what(version: TemplateVersion, *, first: bool) -> str:
    """What was done in a version, in words."""
    if version.restored_from is not None:
        return _("Version %(number)d brought back") % {"number": version.restored_from}
    if version.changed:
        return ", ".join(str(LABELS[name]) for name in version.changed if name in LABELS)
    return _("First version kept") if first else _("Saved without changes")


class VersionList(TemplateMixin, DetailPage):
    template_name = "marketing/content/versions.html"

    def extra(self, obj: Template) -> dict[str, Any]:
        rows = versions.history(obj)
        return {
            "title": _("Versions of %(name)s") % {"name": obj.name},
            "back_url": self.reverse("content:detail", pk=obj.pk),
            "back_label": obj.name,
            "rows": [{"version": row, "what": what(row, first=row is rows[-1])} for row in rows],
        }


class VersionDetail(TemplateMixin, DetailPage):
    """The message as it was."""

    template_name = "marketing/content/version.html"

    def extra(self, obj: Template) -> dict[str, Any]:
        version = versions.get(obj, self.kwargs["number"])
        then = versions.as_template(version)
        moment = [Fact(_("Saved"), version.saved_at), Fact(_("Saved by"), version.saved_by or "–")]
        return {
            "title": _("%(name)s, version %(number)d") % {"name": then.name, "number": version.number},
            "back_url": self.reverse("content:versions", pk=obj.pk),
            "back_label": _("Versions"),
            "version": version,
            "facts": [*moment, *facts_of(then)],
            "then": then,
            "plain": then.text or rendering.plain_text(then.html),
            "digital": described(then) if then.is_digital else None,
            "phone": _phone(then),
            "may_restore": version.number != obj.edit_version and services.is_editable(obj),
        }


def _phone(then: Template) -> dict[str, str] | None:
    if then.channel != Provider.Channel.PUSH:
        return None
    return {"title": then.subject, "text": then.text, "subtitle": push.complete(then.push)["subtitle"]}


class RestoreVersion(TemplateMixin, ActionView):
    def act(self, obj: Template) -> Template:
        return services.restore(self.access, obj, versions.get(obj, self.kwargs["number"]))

    def message(self, obj: Template, result: Template) -> str:
        if result.pk != obj.pk:
            return _("The approved template stays as it is. This is a new one with your changes.")
        return _("The version was brought back, as a new one.")

    def success_url(self, obj: Template, result: Template | None) -> str:
        return self.reverse("content:detail", pk=(result or obj).pk)


class DefaultsForm(forms.Form):
    """For each variable a type and a value; without a value there is no default."""

    def __init__(self, *args: Any, template: Template, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = template.variables
        for name in self.names:
            given = template.defaults.get(name, {})
            self.fields[f"{name}_type"] = forms.ChoiceField(
                label=_("Type of %(name)s") % {"name": name},
                choices=defaults.Type.choices,
                initial=given.get("type", defaults.Type.TEXT),
            )
            self.fields[f"{name}_value"] = forms.CharField(
                label=_("Without a value, %(name)s is") % {"name": name},
                required=False,
                max_length=defaults.LONGEST,
                initial=given.get("value", ""),
            )

    def clean(self) -> dict[str, Any]:
        for name, given in self.values().items():
            if message := defaults.problem(given["type"], given["value"]):
                self.add_error(f"{name}_value", message)
        return self.cleaned_data

    def values(self) -> dict[str, dict[str, str]]:
        data = self.cleaned_data
        return {
            name: {"type": data[f"{name}_type"], "value": value}
            for name in self.names
            if (value := data.get(f"{name}_value", "").strip()) and f"{name}_type" in data
        }


class EditDefaults(TemplateMixin, FormPage):
    title = gettext_lazy("Defaults of variables")
    form_class = DefaultsForm
    back_url_name = "content:list"

    def get_object(self) -> Template:
        template = super().get_object()
        if not template.variables:
            raise Http404
        return template

    def form_options(self, obj: Template) -> dict[str, Any]:
        return {"template": obj}

    def save(self, form: DefaultsForm, obj: Template) -> Template:
        given = {"defaults": form.values()}
        return services.update_template(self.access, obj, given, edit_version=self.seen_version())

    def success_url(self, obj: Template) -> str:
        flash(self.request, _("Saved. Send-outs that have started keep the ones of before."))
        return self.reverse("content:detail", pk=obj.pk)
