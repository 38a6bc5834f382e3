"""REST API of user groups."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.members.models import WorkspaceMember
from admin_center.permissions import groups
from admin_center.permissions.models import UserGroup
from cdp.core.api import WorkspaceViewSet


class GroupMemberSerializer(serializers.ModelSerializer[WorkspaceMember]):
    username = serializers.CharField(source="user.username")
    nickname = serializers.CharField(source="user.nickname")

    class Meta:
        model = WorkspaceMember
        fields = ["id", "username", "nickname"]


class UserGroupSerializer(serializers.ModelSerializer[UserGroup]):
    members = GroupMemberSerializer(many=True)

    class Meta:
        model = UserGroup
        fields = ["id", "name", "members", "created_at", "updated_at"]


class GroupChange(serializers.Serializer[Any]):
    """`members` are IDs of members."""

    name = serializers.CharField(required=False)
    members = serializers.ListField(child=serializers.CharField(), required=False)


class GroupInput(GroupChange):
    name = serializers.CharField()


class MembersInput(serializers.Serializer[Any]):
    members = serializers.ListField(child=serializers.CharField(), allow_empty=False)


class UserGroupViewSet(WorkspaceViewSet):
    """People to whom rights on single objects are granted together."""

    model = UserGroup
    serializer_class = UserGroupSerializer
    lookup_value_regex = "ugr_[a-z0-9]+"
    search_fields = ["name"]
    ordering_fields = ["name", "created_at", "updated_at"]
    required_permission = {"*": groups.MANAGE}

    def get_queryset(self) -> QuerySet[UserGroup]:
        members = WorkspaceMember.objects.select_related("user").order_by("user__username")
        return super().get_queryset().prefetch_related(Prefetch("members", members))

    @extend_schema(request=GroupInput, responses={201: UserGroupSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        group = groups.create(self.access, **_read(GroupInput, request))
        return self._fresh(group, status=status.HTTP_201_CREATED)

    @extend_schema(request=GroupChange, responses=UserGroupSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another `name`, or all `members` anew."""
        return self._fresh(groups.change(self.access, self.get_object(), **_read(GroupChange, request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove an empty group, with the grants to it. 409, `group_not_empty`, while somebody is in it."""
        groups.delete(self.access, self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=MembersInput, responses=UserGroupSerializer)
    @action(detail=True, methods=["post"])
    def members(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take these `members` in as well."""
        return self._fresh(groups.add(self.access, self.get_object(), **_read(MembersInput, request)))

    @extend_schema(responses={200: UserGroupSerializer})
    @action(detail=True, methods=["delete"], url_path="members/(?P<member>mem_[a-z0-9]+)")
    def member(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take one member out."""
        member = WorkspaceMember.objects.get_in(self.workspace, kwargs["member"])
        return self._fresh(groups.remove(self.access, self.get_object(), member))

    def _fresh(self, group: UserGroup, status: int = 200) -> Response:
        return self.answer(self.get_queryset().get(pk=group.pk), status=status)


def _read(form: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = form(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
