"""REST API of the person behind the request, outside of any workspace."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from admin_center.members.models import ApiToken, User
from admin_center.members.queries import workspaces_of
from admin_center.organizations.models import Workspace
from cdp.core.schema import nullable, shape


class MeSerializer(serializers.ModelSerializer[User]):
    organization = serializers.CharField(source="organization.name", default=None)

    class Meta:
        model = User
        fields = ["id", "username", "nickname", "email", "locale", "theme", "organization", "is_manager"]


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    class Meta:
        model = Workspace
        fields = ["id", "slug", "name", "description", "time_zone", "is_default"]


class MeView(APIView):
    """The person whom the token or session belongs to."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(MeSerializer(request.user).data)


class WorkspacesView(APIView):
    """The workspaces that the request can enter; a token enters one."""

    @extend_schema(
        operation_id="workspaces_list",
        responses=shape(
            "Workspaces", count=int, next=nullable(str), previous=nullable(str), results=[WorkspaceSerializer]
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = workspaces_of(request.user)
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(pk=request.auth.workspace_id)
        return Response(
            {
                "count": len(rows),
                "next": None,
                "previous": None,
                "results": WorkspaceSerializer(rows, many=True).data,
            }
        )
