"""The settings page of a workspace."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.organizations import id_key, services
from admin_center.organizations.forms import IdKeyForm, WorkspaceSettingsForm
from admin_center.organizations.models import Workspace
from cdp.console.generic import FormPage
from cdp.core.errors import PreconditionFailed


class SettingsPage(FormPage):
    permission = "admin.workspace"
    title = _("Workspace settings")
    template_name = "admin_center/organizations/settings.html"
    form_class = WorkspaceSettingsForm
    submit_label = _("Save")
    success_message = _("The settings were saved.")

    def get_object(self) -> Workspace:
        return self.workspace

    def form_options(self, obj: Workspace) -> dict[str, Any]:
        return {"workspace": obj}

    def save(self, form: WorkspaceSettingsForm, obj: Workspace) -> Workspace:
        if self.seen_version() not in (None, obj.edit_version):
            raise PreconditionFailed(
                gettext(
                    "Somebody else has changed the settings meanwhile. Load the page again to see theirs."
                )
            )
        services.update_workspace(obj, form.changes(), access=self.access)
        return obj

    def success_url(self, obj: Workspace) -> str:
        return self.reverse("organizations:settings")

    def extra(self, form: WorkspaceSettingsForm, obj: Workspace) -> dict[str, Any]:
        groups = [
            (_("Workspace"), ["name", "description", "time_zone", "update_concurrency", "push_concurrency"]),
            (_("Models"), ["aipl_update", "rfm_update"]),
            (_("Privacy"), ["shown_in_full", "recipients_days"]),
            (_("Quiet hours"), [name for name in form.fields if name.startswith("quiet_hours")]),
            (_("Most messages for one person"), [name for name in form.fields if name.startswith("caps")]),
            (_("Approval of send-outs"), ["approval_enabled", "approval_above"]),
            (_("Late send-outs"), ["late_hours", "late_action"]),
            (_("Most send-outs"), ["quotas_sms", "quotas_email", "quotas_push", "quotas_custom"]),
            (_("Size of the material library"), ["quotas_materials_mb"]),
        ]
        return {
            "groups": [(label, [form[name] for name in names]) for label, names in groups],
            "id_key_set": id_key.is_set(obj),
        }


class IdKeyPage(FormPage):
    """Sets the key once; afterwards it only says that there is one."""

    permission = "admin.workspace"
    title = _("Key of encrypted IDs")
    template_name = "admin_center/organizations/id_key.html"
    form_class = IdKeyForm
    submit_label = _("Keep this key for good")
    success_message = _("The key is kept. Messages can now go to encrypted IDs.")
    back_url_name = "organizations:settings"

    def save(self, form: IdKeyForm, obj: Any) -> None:
        id_key.put(self.access, form.cleaned_data["key"])

    def success_url(self, obj: Any) -> str:
        return self.reverse("organizations:settings")

    def extra(self, form: IdKeyForm, obj: Any) -> dict[str, Any]:
        return {"is_set": id_key.is_set(self.workspace), "may_set": self.access.user.is_manager}
