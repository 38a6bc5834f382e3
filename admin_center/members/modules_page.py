"""Which modules of the product the organization has: a page and the API, for its managers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.members.manager_api import ManagerViewSet
from admin_center.members.manager_pages import ManagerView
from admin_center.organizations import modules
from cdp.console.generic import FormPage
from cdp.core.api import json_object
from cdp.core.schema import shape


class ModulesForm(forms.Form):
    """A switch for each module that there is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for module in modules.MODULES:
            self.fields[module.key] = forms.BooleanField(
                label=module.label,
                required=False,
                help_text=module.depends,
                widget=forms.CheckboxInput({"class": "form-check-input"}),
            )


class ModulesPage(ManagerView, FormPage):
    title = _("Modules")
    tab = "modules"
    template_name = "admin_center/members/modules.html"
    form_class = ModulesForm
    success_message = _("Saved. It works at once.")

    def initial(self, obj: Any) -> dict[str, Any]:
        return {state["key"]: state["on"] for state in modules.states(self.organization)}

    def save(self, form: ModulesForm, obj: Any) -> Any:
        modules.switch(self.organization, form.cleaned_data, access=self.access)
        return self.organization

    def success_url(self, obj: Any) -> str:
        return self.reverse("members:modules")


_MODULES = extend_schema_serializer(many=False)(
    shape("Modules", modules=[shape("Module", key=str, label=str, depends=str, on=bool)])
)


class ModulesViewSet(ManagerViewSet):
    """Modules that the organization can switch off."""

    filter_backends = ()
    pagination_class = None

    @extend_schema(responses=_MODULES)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`{"modules": [{"key", "label", "depends", "on"}]}`."""
        return Response({"modules": modules.states(self.organization)})

    @extend_schema(
        request={"application/json": {"type": "object", "additionalProperties": {"type": "boolean"}}},
        responses=_MODULES,
    )
    def change(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch modules on or off by their keys, such as `{"omni_insight": false}`; those not named stay."""
        modules.switch(self.organization, json_object(request), access=self.access)
        return self.list(request)
