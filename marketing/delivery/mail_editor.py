"""The mail in the form of a send-out: filled from a template and changed there, or written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse

from cdp.console.generic.base import WorkspaceView
from marketing.channels.models import Provider
from marketing.content.forms import TemplateForm
from marketing.content.models import Template

NAMES = ("purpose", "subject", "sender_name", "html", "design", "text")
WORDS = ("subject", "sender_name", "html", "design", "text")


def fields() -> dict[str, forms.Field]:
    """Those of a template, none of which must be given: without any words the template counts as it is."""
    made = TemplateForm(channel=Provider.Channel.EMAIL).fields
    found = {name: made[name] for name in NAMES}
    for field in found.values():
        field.required = False
    return found


def of(template: Template) -> dict[str, Any]:
    """A template's mail by the names of the fields."""
    return {name: getattr(template, name) for name in NAMES}


def is_written(given: Mapping[str, Any]) -> bool:
    return any(given.get(name) for name in WORDS)


class MailOfTemplate(WorkspaceView):
    """What the form is filled with once a template is chosen."""

    permission = "marketing.email.create"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        template = Template.objects.get_in(
            self.workspace, kwargs["pk"], channel=Provider.Channel.EMAIL, removed=False
        )
        return JsonResponse(of(template))
