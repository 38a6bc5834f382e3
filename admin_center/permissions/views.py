"""Members and roles of a workspace in the console."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from admin_center.members.account import password_link
from admin_center.members.leaving import count_works
from admin_center.members.models import User, WorkspaceMember
from admin_center.permissions import services
from admin_center.permissions.forms import MemberAddForm, MemberChangeForm, MemberRemoveForm
from admin_center.permissions.models import Role, RoleAssignment
from admin_center.permissions.points import points_by_group
from admin_center.permissions.show_once import ShowOnceForm
from cdp.console.generic import (
    BadgeColumn,
    BooleanColumn,
    BulkAction,
    Column,
    DateColumn,
    DetailPage,
    FormPage,
    ListPage,
    NumberColumn,
    TextColumn,
    WorkspaceView,
)
from cdp.core.errors import Conflict


def _members(workspace: Any) -> QuerySet[WorkspaceMember]:
    roles = Prefetch("assignments", RoleAssignment.objects.select_related("role"))
    return WorkspaceMember.objects.in_workspace(workspace).select_related("user").prefetch_related(roles)


def _state(member: WorkspaceMember) -> str:
    if not member.user.is_active:
        return "disabled"
    return "invited" if member.user.is_invited else "active"


_STATES = {"active": _("Active"), "invited": _("Invited"), "disabled": _("Switched off")}
_HINTS = {
    "active": _("Can sign in."),
    "invited": _("Was added, and has not chosen a password yet."),
    "disabled": _("A manager of the organization has switched this account off."),
}


class MemberList(ListPage):
    permission = "admin.workspace"
    title = _("Members")
    template_name = "admin_center/permissions/members.html"
    search_fields = ["user__username", "user__nickname", "user__email"]
    ordering = "user__nickname"
    create_url_name = "permissions:member-add"
    create_label = _("Add member")
    empty_icon = "users"
    empty_title = _("Nobody is here yet")
    empty_text = _("Add the people who shall work in this workspace.")
    columns = [
        TextColumn(
            "member", _("Member"), value="__str__", below="user.username", sort="user__nickname", link=True
        ),
        Column("email", _("E-mail"), value="user.email", sort="user__email"),
        Column(
            "roles", _("Roles"), value=lambda row: ", ".join(str(held.role) for held in row.assignments.all())
        ),
        BadgeColumn(
            "state",
            _("State"),
            value=_state,
            label_of=lambda row: _STATES[_state(row)],
            hint=lambda row: _HINTS[_state(row)],
        ),
        DateColumn("last_login", _("Last sign-in"), value="user.last_login", sort="user__last_login"),
        DateColumn("created_at", _("Member since"), sort="created_at"),
    ]
    bulk_actions = [
        BulkAction(
            "remove",
            _("Remove"),
            lambda access, row: services.remove_member(row, access=access),
            icon="user-minus",
            confirm=_("These people lose their access to the workspace. Who owns something here stays."),
            danger=True,
        )
    ]

    def get_queryset(self) -> QuerySet[WorkspaceMember]:
        return _members(self.workspace)

    def row_url(self, row: WorkspaceMember) -> str:
        return self.reverse("permissions:member", row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        managers = User.objects.filter(
            organization=self.workspace.organization_id, is_manager=True, is_active=True
        )
        return super().get_context(managers=managers, **more)


class MemberAdd(ShowOnceForm):
    permission = "admin.workspace"
    title = _("Add member")
    form_class = MemberAddForm
    submit_label = _("Add")
    back_url_name = "permissions:members"
    success_message = _("The person was added.")

    def form_options(self, obj: None) -> dict[str, Any]:
        return {"workspace": self.workspace}

    def save(self, form: MemberAddForm, obj: None) -> tuple[WorkspaceMember, bool]:
        return services.invite_member(self.workspace, access=self.access, **form.cleaned_data)

    def success_url(self, obj: Any) -> str:
        return self.reverse("permissions:members")

    def shown_once(self, saved: tuple[WorkspaceMember, bool]) -> HttpResponse | None:
        member, created = saved
        return _invitation(self, member) if created else None


class MemberEdit(FormPage):
    permission = "admin.workspace"
    template_name = "admin_center/permissions/member.html"
    form_class = MemberChangeForm
    submit_label = _("Save")
    back_url_name = "permissions:members"
    success_message = _("The member was changed.")

    def get_object(self) -> WorkspaceMember:
        return _members(self.workspace).get_in(self.workspace, self.kwargs["pk"])

    def form_options(self, obj: WorkspaceMember) -> dict[str, Any]:
        return {"member": obj}

    def save(self, form: MemberChangeForm, obj: WorkspaceMember) -> WorkspaceMember:
        services.change_member(obj, access=self.access, **form.cleaned_data)
        return obj

    def success_url(self, obj: WorkspaceMember) -> str:
        return self.reverse("permissions:members")

    def extra(self, form: MemberChangeForm, obj: WorkspaceMember) -> dict[str, Any]:
        return {"title": str(obj), "member": obj}


class MemberInvite(WorkspaceView):
    """A new link for somebody who has not chosen a password yet."""

    permission = "admin.workspace"
    title = _("Invitation")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        member = _members(self.workspace).get_in(self.workspace, kwargs["pk"])
        if not member.user.is_invited or member.user.is_manager:
            # Whoever has a link can take the account, so only managers of the organization make other ones.
            raise Conflict(
                gettext(
                    "This person has a password already. A manager of the organization can make a new link."
                )
            )
        return _invitation(self, member)


class MemberRemove(FormPage):
    permission = "admin.workspace"
    template_name = "admin_center/permissions/member_remove.html"
    form_class = MemberRemoveForm
    submit_label = _("Remove")
    back_url_name = "permissions:members"
    success_message = _("The person is no longer in this workspace.")

    def get_object(self) -> WorkspaceMember:
        return _members(self.workspace).get_in(self.workspace, self.kwargs["pk"])

    def form_options(self, obj: WorkspaceMember) -> dict[str, Any]:
        return {"member": obj}

    def save(self, form: MemberRemoveForm, obj: WorkspaceMember) -> None:
        chosen = form.cleaned_data["transfer_to"]
        receiver = WorkspaceMember.objects.get_in(self.workspace, chosen) if chosen else None
        services.remove_member(obj, receiver, access=self.access)

    def success_url(self, obj: None) -> str:
        return self.reverse("permissions:members")

    def extra(self, form: MemberRemoveForm, obj: WorkspaceMember) -> dict[str, Any]:
        title = gettext("Remove %(person)s from the workspace?") % {"person": obj}
        return {"title": title, "member": obj, "works": count_works(self.workspace, obj.user)}


class RoleList(ListPage):
    permission = "admin.workspace"
    title = _("Roles")
    ordering = "created_at"
    intro = _("What members may do. Rights of several roles add up.")
    columns = [
        TextColumn("name", _("Role"), value="__str__", below="summary", link=True),
        Column("kind", _("Kind"), value=lambda role: role.get_kind_display()),
        NumberColumn("members", _("Members"), value="member_count"),
        BooleanColumn("is_default", _("Default")),
    ]

    def get_queryset(self) -> QuerySet[Role]:
        return Role.objects.in_workspace(self.workspace).annotate(member_count=Count("assignments"))

    def row_url(self, row: Role) -> str:
        return self.reverse("permissions:role", row.pk)


class RoleDetail(DetailPage):
    permission = "admin.workspace"
    template_name = "admin_center/permissions/role.html"
    model = Role
    back_url_name = "permissions:roles"
    back_label = _("Roles")

    def extra(self, obj: Role) -> dict[str, Any]:
        held = None if obj.is_administrator else set(obj.permissions)
        holders = _members(self.workspace).filter(assignments__role=obj)
        return {"groups": points_by_group(held, self.workspace.organization.modules_off), "members": holders}


def _invitation(view: WorkspaceView, member: WorkspaceMember) -> HttpResponse:
    link = view.request.build_absolute_uri(password_link(member.user))
    context = view.get_context(member=member, link=link, back_url=view.reverse("permissions:members"))
    return view.render("admin_center/permissions/invitation.html", context)
