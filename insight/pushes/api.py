"""REST API of pushes and of the systems they go to."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, WorkspaceViewSet, accepted, json_object
from cdp.core.errors import NotFound
from cdp.jobs.services import active_job
from insight.audiences import visibility
from insight.pushes import fields, interfaces, services
from insight.pushes.models import InterfaceGrant, Push, PushInterface, PushSetting


class InterfaceSerializer(serializers.ModelSerializer[PushInterface]):
    """A system outside. Secrets are never returned: one that is set shows as dots."""

    config = serializers.SerializerMethodField()

    class Meta:
        model = PushInterface
        fields = ["id", "name", "target", "config", "tested_at", "created_at", "updated_at"]

    def get_config(self, row: PushInterface) -> dict[str, Any]:
        if self.context["view"].access.can(interfaces.MANAGE):
            return interfaces.shown_config(row)
        return {}


class GrantSerializer(serializers.ModelSerializer[InterfaceGrant]):
    user = serializers.CharField(source="user.username", default=None)
    role = serializers.CharField(source="role.code", default=None)

    class Meta:
        model = InterfaceGrant
        fields = ["id", "user", "role", "expires_at", "created_at"]


class PushSerializer(serializers.ModelSerializer[Push]):
    """A push. `users` counts people, `ids` all of their IDs that were sent."""

    audience = serializers.CharField(source="audience_id")
    interface = serializers.CharField(source="interface_id", default=None)
    version = serializers.IntegerField(source="version_number")

    class Meta:
        model = Push
        fields = [
            *(
                "id",
                "audience",
                "interface",
                "interface_name",
                "target",
                "mode",
                "fields",
                "options",
                "version",
            ),
            *(
                "state",
                "users",
                "ids",
                "skipped",
                "message",
                "error_code",
                "created_at",
                "started_at",
                "ended_at",
            ),
        ]


class SettingSerializer(serializers.ModelSerializer[PushSetting]):
    interface = serializers.CharField(source="interface_id")

    class Meta:
        model = PushSetting
        fields = ["interface", "enabled", "refresh", "start", "end", "fields", "options", "next_push_at"]


class InterfaceViewSet(WorkspaceViewSet):
    """Systems that audiences are pushed to: those that the person may use."""

    model = PushInterface
    serializer_class = InterfaceSerializer
    filterset_fields = ["target"]
    search_fields = ["name"]
    required_permission = {
        "list": interfaces.PUSH,
        "retrieve": interfaces.PUSH,
        "*": interfaces.MANAGE,
    }

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return PushInterface.objects.none()
        return interfaces.usable(self.access)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`name`, `target` (kafka, webhook, sftp, s3, omni), `config`. Saved only when its test passes."""
        return self.answer(interfaces.create(self.access, json_object(request)), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check_etag(row)
        return self.answer(interfaces.update(self.access, row, json_object(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        interfaces.delete(self.access, self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try it: {"ok": true, "detail"}; 502 with the reason where it fails."""
        return Response({"ok": True, "detail": interfaces.test(self.access, self.get_object())})

    @action(detail=True, methods=["get", "post"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who may push there; POST `user` or `role`, and `expires_at`."""
        row = self.get_object()
        if request.method == "POST":
            made = interfaces.grant(self.access, row, json_object(request))
            return Response(GrantSerializer(made).data, status=201)
        rows: Any = self.paginate_queryset(row.grants.select_related("user", "role"))
        return self.get_paginated_response(GrantSerializer(rows, many=True).data)

    @action(detail=True, methods=["delete"], url_path=r"grants/(?P<grant>[^/]+)")
    def grant(self, request: Request, grant: str, *args: Any, **kwargs: Any) -> Response:
        rows = InterfaceGrant.objects.select_related("interface", "user", "role")
        interfaces.revoke(self.access, rows.get_in(self.workspace, grant, interface=self.get_object()))
        return Response(status=204)


class PushViewSet(WorkspaceViewSet):
    """Single pushes."""

    model = Push
    serializer_class = PushSerializer
    filterset_fields = ["audience", "interface", "state", "mode", "target"]
    ordering_fields = ["created_at"]
    required_permission = {"*": interfaces.PUSH}
    http_method_names = ["get", "post", "head", "options"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Push.objects.none()
        return Push.objects.in_workspace(self.workspace).filter(audience__in=visibility.visible(self.access))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Push now: `audience`, `interface`, `fields`, `options` → 202 with the job and the push."""
        data = json_object(request)
        audience = visibility.get_visible(self.access, str(data.pop("audience", "")))
        interface = interfaces.get_usable(self.access, str(data.pop("interface", "")))
        row = services.push(self.access, audience, interface, data)
        return accepted(active_job(row), push=self.get_serializer(row).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Again, under the same ID."""
        row = services.retry(self.access, services.get(self.access, kwargs["pk"]))
        return accepted(active_job(row), push=self.get_serializer(row).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop it; what the other side has had already stays there."""
        services.cancel(self.access, services.get(self.access, kwargs["pk"]))
        return self.answer(services.get(self.access, kwargs["pk"]))


class PushFields(WorkspaceAPIView):
    """What of an audience can be pushed."""

    required_permission = {"get": interfaces.PUSH}

    @extend_schema(responses=OpenApiResponse(description="IDs and tags"))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`{"ids", "tags", "hourly"}` for `?interface=`."""
        audience = visibility.get_visible(self.access, kwargs["pk"])
        interface = interfaces.get_usable(self.access, request.query_params.get("interface", ""))
        found = fields.offered(self.access, audience, interfaces.target_of(interface))
        return Response({**found, "hourly": fields.all_user_tags(audience)})


class PushSettings(WorkspaceAPIView):
    """The periodic pushes of an audience."""

    required_permission = {"*": interfaces.PUSH}

    @extend_schema(responses=SettingSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        audience = visibility.get_visible(self.access, kwargs["pk"])
        rows = PushSetting.objects.filter(audience=audience)
        return Response({"results": SettingSerializer(rows, many=True).data})


class OnePushSetting(WorkspaceAPIView):
    """The periodic push of an audience to one interface."""

    required_permission = {"*": interfaces.PUSH}

    @extend_schema(request=None, responses=SettingSerializer)
    def put(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`enabled`, `refresh` (a policy), `start`, `end`, `fields`, `options`; takes the place of an earlier one."""
        audience = visibility.get_visible(self.access, kwargs["pk"])
        interface = interfaces.get_usable(self.access, kwargs["interface"])
        row = services.set_periodic(self.access, audience, interface, json_object(request))
        return Response(SettingSerializer(row).data)

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        audience = visibility.get_visible(self.access, kwargs["pk"])
        row = PushSetting.objects.filter(audience=audience, interface=kwargs["interface"]).first()
        if row is None:
            raise NotFound(_("The audience is not pushed there by schedule."))
        services.remove_periodic(self.access, row)
        return Response(status=204)
