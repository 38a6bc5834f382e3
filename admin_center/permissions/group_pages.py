"""User groups of a workspace in the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions import groups
from admin_center.permissions.models import UserGroup
from cdp.console.generic import Column, DateColumn, DeletePage, FormPage, ListPage, NumberColumn, TextColumn

SHOWN_NAMES = 5


def _names(group: UserGroup) -> str:
    names = [str(member) for member in group.members.all()]
    return ", ".join([*names[:SHOWN_NAMES], *(["…"] if len(names) > SHOWN_NAMES else [])])


class GroupList(ListPage):
    permission = groups.MANAGE
    title = _("User groups")
    intro = _(
        "Grant datasets, campaigns, push interfaces and webhooks to a group: whoever is in it has the right."
    )
    search_fields = ["name"]
    ordering = "name"
    create_url_name = "permissions:group-new"
    create_label = _("New user group")
    empty_icon = "users-group"
    empty_title = _("No user groups yet")
    empty_text = _("Put people together who need the same datasets, campaigns or interfaces.")
    columns = [
        TextColumn("name", _("Name"), sort="name", link=True),
        NumberColumn("count", _("Members"), value=lambda group: len(group.members.all())),
        Column("members", _("Who is in it"), value=_names),
        DateColumn("updated_at", _("Changed"), sort="updated_at"),
    ]

    def get_queryset(self) -> QuerySet[UserGroup]:
        members = Prefetch(
            "members", WorkspaceMember.objects.select_related("user").order_by("user__username")
        )
        return UserGroup.objects.in_workspace(self.workspace).prefetch_related(members)

    def row_url(self, row: UserGroup) -> str:
        return self.reverse("permissions:group", row.pk)


class GroupForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=groups.LONGEST)
    members = forms.MultipleChoiceField(
        label=_("Members"),
        required=False,
        widget=forms.SelectMultiple({"data-select": "", "class": "form-select"}),
        help_text=_("Who is taken out loses what was granted to the group at once."),
    )

    def __init__(self, *args: Any, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = (
            WorkspaceMember.objects.in_workspace(workspace).select_related("user").order_by("user__username")
        )
        self.fields["members"].choices = [(row.pk, str(row)) for row in rows]  # type: ignore[attr-defined]


class GroupPage(FormPage):
    permission = groups.MANAGE
    form_class = GroupForm
    back_url_name = "permissions:groups"

    def form_options(self, obj: UserGroup | None) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def success_url(self, obj: UserGroup) -> str:
        return self.reverse("permissions:groups")


class NewGroup(GroupPage):
    title = _("New user group")
    success_message = _("The user group was made.")

    def save(self, form: GroupForm, obj: None) -> UserGroup:
        return groups.create(self.access, **form.cleaned_data)


class EditGroup(GroupPage):
    template_name = "admin_center/permissions/group.html"
    success_message = _("The user group was changed.")

    def get_object(self) -> UserGroup:
        return UserGroup.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: UserGroup) -> dict[str, Any]:
        return {"name": obj.name, "members": [member.pk for member in obj.members.all()]}

    def save(self, form: GroupForm, obj: UserGroup) -> UserGroup:
        return groups.change(self.access, obj, **form.cleaned_data)

    def extra(self, form: GroupForm, obj: UserGroup) -> dict[str, Any]:
        return {"title": obj.name, "group": obj}


class DeleteGroup(DeletePage):
    permission = groups.MANAGE
    model = UserGroup
    back_url_name = "permissions:groups"

    def consequences(self, obj: UserGroup) -> Sequence[str]:
        return [gettext("What was granted to the group is taken back.")]

    def blockers(self, obj: UserGroup) -> Sequence[str]:
        return [str(member) for member in obj.members.select_related("user")]

    def delete(self, obj: UserGroup) -> None:  # type: ignore[override]
        groups.delete(self.access, obj)
