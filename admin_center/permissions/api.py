"""REST API of members, roles and API tokens."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.members.account import password_link
from admin_center.members.models import ApiToken, WorkspaceMember
from admin_center.members.tokens import revoke_token
from admin_center.permissions import services
from admin_center.permissions.models import Role, RoleAssignment
from admin_center.permissions.points import POINTS
from cdp.core.api import WorkspaceViewSet
from cdp.core.errors import ValidationFailed
from cdp.core.schema import extended, nullable


class MemberSerializer(serializers.ModelSerializer[WorkspaceMember]):
    username = serializers.CharField(source="user.username", read_only=True)
    nickname = serializers.CharField(source="user.nickname", required=False)
    email = serializers.EmailField(source="user.email", read_only=True)
    roles = serializers.SerializerMethodField()
    is_active = serializers.BooleanField(source="user.is_active", read_only=True)
    is_invited = serializers.BooleanField(source="user.is_invited", read_only=True)
    is_manager = serializers.BooleanField(source="user.is_manager", read_only=True)
    last_login = serializers.DateTimeField(source="user.last_login", read_only=True, allow_null=True)

    class Meta:
        model = WorkspaceMember
        fields = [
            "id",
            "username",
            "nickname",
            "email",
            "roles",
            "is_active",
            "is_invited",
            "is_manager",
            "last_login",
            "created_at",
        ]

    def get_roles(self, member: WorkspaceMember) -> list[str]:
        return [assignment.role.code for assignment in member.assignments.all()]


class MemberInput(serializers.Serializer[Any]):
    """A new member. `username` may be an existing account; else one is made and has to be invited."""

    username = serializers.CharField(max_length=150)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    nickname = serializers.CharField(required=False, default="", allow_blank=True)
    roles = serializers.ListField(child=serializers.CharField(), allow_empty=False)


_NEW_MEMBER = extended("NewMember", MemberSerializer, invitation=nullable(str))


class MemberChange(serializers.Serializer[Any]):
    nickname = serializers.CharField(required=False)
    roles = serializers.ListField(child=serializers.CharField(), required=False)


class MemberFilter(django_filters.FilterSet):
    role = django_filters.CharFilter(field_name="assignments__role__code")
    username = django_filters.CharFilter(field_name="user__username", lookup_expr="iexact")


class MemberViewSet(WorkspaceViewSet):
    """People in the workspace. Managers of the organization have every right here without being members."""

    model = WorkspaceMember
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    search_fields = ["user__username", "user__nickname", "user__email"]
    ordering_fields = ["user__nickname", "user__username", "created_at", "user__last_login"]
    required_permission = {"*": "admin.workspace"}

    def get_queryset(self) -> QuerySet[WorkspaceMember]:
        roles = Prefetch("assignments", RoleAssignment.objects.select_related("role"))
        return super().get_queryset().select_related("user").prefetch_related(roles)

    @extend_schema(request=MemberInput, responses={201: _NEW_MEMBER})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a member. For a new account the answer has `invitation`: the path where they choose a password."""
        given = MemberInput(data=request.data)
        given.is_valid(raise_exception=True)
        member, created = services.invite_member(self.workspace, access=self.access, **given.validated_data)
        response = self.answer(self.get_queryset().get(pk=member.pk), status=status.HTTP_201_CREATED)
        response.data = {**response.data, "invitation": password_link(member.user) if created else None}
        return response

    @extend_schema(request=MemberChange, responses=MemberSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        member = self.get_object()
        given = MemberChange(data=request.data)
        given.is_valid(raise_exception=True)
        services.change_member(member, access=self.access, **given.validated_data)
        return self.answer(self.get_object())

    @extend_schema(
        parameters=[OpenApiParameter("transfer_to", str, description="ID of the member who takes over")]
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a member; `?transfer_to=` names the member who takes over what they own."""
        receiver_id = request.query_params.get("transfer_to")
        receiver = WorkspaceMember.objects.get_in(self.workspace, receiver_id) if receiver_id else None
        services.remove_member(self.get_object(), receiver, access=self.access)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RoleSerializer(serializers.ModelSerializer[Role]):
    name = serializers.CharField(source="__str__")
    description = serializers.CharField(source="summary")
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Role
        fields = ["id", "code", "name", "description", "kind", "is_default", "permissions"]

    def get_permissions(self, role: Role) -> list[str]:
        held = POINTS.keys() if role.is_administrator else role.permissions
        off = self.context["view"].workspace.organization.modules_off
        return [code for code in held if code not in POINTS or POINTS[code].module not in off]


class RoleViewSet(WorkspaceViewSet):
    """The roles of the workspace, looked up by code."""

    model = Role
    serializer_class = RoleSerializer
    lookup_field = "code"
    search_fields = ["code", "name"]
    ordering_fields = ["code", "created_at"]
    required_permission = {"list": "workspace.view", "retrieve": "workspace.view"}


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    state = serializers.CharField(read_only=True)

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "name",
            "hint",
            "scopes",
            "state",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ]


_NEW_TOKEN = extended("NewToken", TokenSerializer, token=str)


class TokenInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64)
    days = serializers.IntegerField(min_value=1, max_value=3650, default=90)
    scopes = serializers.ListField(child=serializers.CharField(), required=False, default=list)


class TokenViewSet(WorkspaceViewSet):
    """One's own tokens for this workspace."""

    model = ApiToken
    serializer_class = TokenSerializer
    search_fields = ["name"]
    ordering_fields = ["created_at", "expires_at", "last_used_at"]
    required_permission = {"*": "workspace.view"}

    def get_queryset(self) -> QuerySet[ApiToken]:
        rows = super().get_queryset()
        return rows if getattr(self, "swagger_fake_view", False) else rows.filter(user=self.access.user)

    @extend_schema(request=TokenInput, responses={201: _NEW_TOKEN})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a token. The answer's `token` is shown this once."""
        if request.headers.get("Idempotency-Key"):
            # The kept answer of an idempotent request would keep the secret, too.
            raise ValidationFailed(_("Send this request without an Idempotency-Key."))
        given = TokenInput(data=request.data)
        given.is_valid(raise_exception=True)
        row, secret = services.create_token(self.access, **given.validated_data)
        return Response({**self.get_serializer(row).data, "token": secret}, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Revoke a token. It stays in the list, and works no more."""
        revoke_token(self.get_object(), self.access)
        return Response(status=status.HTTP_204_NO_CONTENT)
