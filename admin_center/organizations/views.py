"""The settings page of a workspace."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.organizations import services
from admin_center.organizations.forms import WorkspaceSettingsForm
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
            (_("Privacy"), ["shown_in_full"]),
            (_("Quiet hours"), [name for name in form.fields if name.startswith("quiet_hours")]),
            (_("Most messages for one person"), [name for name in form.fields if name.startswith("caps")]),
            (_("Approval of send-outs"), ["approval_enabled", "approval_above"]),
            (_("Late send-outs"), ["late_hours", "late_action"]),
            (_("Most send-outs"), ["quotas_sms", "quotas_email", "quotas_push"]),
        ]
        return {"groups": [(label, [form[name] for name in names]) for label, names in groups]}
