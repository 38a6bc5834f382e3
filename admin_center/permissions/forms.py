"""Forms for members and API tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from admin_center.members.models import WorkspaceMember
from admin_center.organizations.models import Workspace
from admin_center.permissions.access import MemberAccess
from admin_center.permissions.models import Role
from admin_center.permissions.points import POINTS

_DAYS = [(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("1 year")), (1095, _("3 years"))]


def role_choices(workspace: Workspace) -> list[tuple[str, str]]:
    return [(role.code, str(role)) for role in Role.objects.in_workspace(workspace)]


class MemberAddForm(forms.Form):
    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        help_text=_("An existing account (its e-mail address will do, too), or the name of a new one."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(label=_("E-mail"), required=False, help_text=_("For a new account."))
    nickname = forms.CharField(
        label=_("Nickname"),
        max_length=32,
        required=False,
        help_text=_("For a new account. Left empty, it is made from the user name."),
    )
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        help_text=_("The rights of several roles add up."),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = role_choices(workspace)  # type: ignore[attr-defined]
        default = Role.objects.in_workspace(workspace).filter(is_default=True).first()
        self.fields["roles"].initial = [default.code] if default else []


class MemberChangeForm(forms.Form):
    nickname = forms.CharField(label=_("Nickname"), max_length=32)
    roles = forms.MultipleChoiceField(label=_("Roles"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, member: WorkspaceMember, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = role_choices(member.workspace)  # type: ignore[attr-defined]
        self.fields["nickname"].initial = member.user.nickname
        self.fields["nickname"].disabled = member.user.is_manager
        self.fields["roles"].initial = [assignment.role.code for assignment in member.assignments.all()]


class MemberRemoveForm(forms.Form):
    transfer_to = forms.ChoiceField(
        label=_("Who takes over"),
        required=False,
        help_text=_("Everything that the person owns in this workspace goes to this member."),
        widget=forms.Select(attrs={"data-select": ""}),
    )

    def __init__(self, *args: Any, member: WorkspaceMember, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = (
            WorkspaceMember.objects.in_workspace(member.workspace)
            .exclude(pk=member.pk)
            .select_related("user")
        )
        names = [(other.pk, str(other)) for other in others]
        self.fields["transfer_to"].choices = [("", "–"), *names]  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        help_text=_("What the token is for, such as the program that uses it."),
    )
    days = forms.TypedChoiceField(label=_("Works for"), choices=_DAYS, coerce=int, initial=90)
    scopes = forms.MultipleChoiceField(
        label=_("Limited to"),
        required=False,
        help_text=_("Nothing chosen: all that you may do in this workspace, now and later."),
        widget=forms.SelectMultiple(attrs={"data-select": ""}),
    )

    def __init__(self, *args: Any, access: MemberAccess, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = scope_choices(access)  # type: ignore[attr-defined]


def scope_choices(access: MemberAccess) -> list[tuple[str, list[tuple[str, str]]]]:
    """The permission points that the person holds, under their headings."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for point in POINTS:
        if access.can(point.code) and not point.everyone:
            groups.setdefault(str(point.group), []).append((point.code, str(point.label)))
    return list(groups.items())
