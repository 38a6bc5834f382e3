"""REST API of pushes and of the systems they go to."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, WorkspaceViewSet, accepted, json_object
from cdp.core.errors import NotFound, ValidationFailed
from cdp.core.schema import maybe, shape
from cdp.jobs.api import started
from cdp.jobs.services import active_job
from insight.aipl import services as aipl
from insight.audiences import visibility
from insight.campaigns import links
from insight.pushes import fields, interfaces, services, sources
from insight.pushes.campaign_links import KIND
from insight.pushes.models import InterfaceGrant, Push, PushInterface, PushSetting


class PushInterfaceSerializer(serializers.ModelSerializer[PushInterface]):
    """A system outside. Secrets are never returned: one that is set shows as dots."""

    config = serializers.SerializerMethodField()

    class Meta:
        model = PushInterface
        fields = ["id", "name", "target", "config", "tested_at", "created_at", "updated_at"]

    def get_config(self, row: PushInterface) -> dict[str, Any]:
        if self.context["view"].access.can(interfaces.MANAGE):
            return interfaces.shown_config(row)
        return {}


class PushInterfaceGrantSerializer(serializers.ModelSerializer[InterfaceGrant]):
    user = serializers.CharField(source="user.username", default=None)
    role = serializers.CharField(source="role.code", default=None)
    group = serializers.CharField(source="group_id", default=None)

    class Meta:
        model = InterfaceGrant
        fields = ["id", "user", "role", "group", "expires_at", "created_at"]


class PushSerializer(serializers.ModelSerializer[Push]):
    """A push of an audience or an AIPL model (`dataset`). `users` counts people, `ids` all of their IDs that were sent.

    `day` is that of a model's stages.
    """

    audience = serializers.CharField(source="audience_id", default=None)
    dataset = serializers.CharField(source="dataset_id", default=None)
    interface = serializers.CharField(source="interface_id", default=None)
    version = serializers.IntegerField(source="version_number", allow_null=True)
    campaigns = serializers.SerializerMethodField()

    class Meta:
        model = Push
        fields = [
            *(
                "id",
                "audience",
                "dataset",
                "interface",
                "interface_name",
                "target",
                "mode",
                "fields",
                "options",
                "version",
                "day",
            ),
            *(
                "state",
                "users",
                "ids",
                "skipped",
                "undecryptable",
                "message",
                "error_code",
                "created_at",
                "started_at",
                "ended_at",
            ),
            "campaigns",
        ]

    def get_campaigns(self, row: Push) -> list[str]:
        return campaigns_of(row)


class PushSettingSerializer(serializers.ModelSerializer[PushSetting]):
    interface = serializers.CharField(source="interface_id")
    campaigns = serializers.SerializerMethodField()

    class Meta:
        model = PushSetting
        fields = [
            *("interface", "enabled", "refresh", "start", "end", "fields", "options", "next_push_at"),
            "campaigns",
        ]

    def get_campaigns(self, row: PushSetting) -> list[str]:
        return campaigns_of(row)


def campaigns_of(row: Any) -> list[str]:
    """IDs of the campaigns of a push or a schedule, which a list has read together with its rows."""
    found = getattr(row, "campaign_ids", None)
    return links.ids_of(KIND, str(row.pk)) if found is None else list(found)


_WHAT: dict[str, Any] = {"fields": maybe(Any), "options": maybe(dict), "campaigns": maybe([str])}
PUSH_STARTED = started("PushStarted", push=PushSerializer)


class InterfaceViewSet(WorkspaceViewSet):
    """Systems that audiences are pushed to: those that the person may use."""

    model = PushInterface
    serializer_class = PushInterfaceSerializer
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

    @extend_schema(request=shape("NewPushInterface", name=str, target=str, config=dict))
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`name`, `target` (kafka, webhook, sftp, s3, omni), `config`. Saved only when its test passes."""
        return self.answer(interfaces.create(self.access, json_object(request)), status=201)

    @extend_schema(request=shape("PushInterfaceChange", name=maybe(str), config=maybe(dict)))
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check_etag(row)
        return self.answer(interfaces.update(self.access, row, json_object(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        interfaces.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses=shape("PushInterfaceTest", ok=bool, detail=str))
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try it: {"ok": true, "detail"}; 502 with the reason where it fails."""
        return Response({"ok": True, "detail": interfaces.test(self.access, self.get_object())})

    @extend_schema(methods=["get"], responses=PushInterfaceGrantSerializer(many=True))
    @extend_schema(
        methods=["post"],
        request=PushInterfaceGrantSerializer,
        responses={201: PushInterfaceGrantSerializer},
    )
    @action(detail=True, methods=["get", "post"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who may push there; POST `user` or `role`, and `expires_at`."""
        row = self.get_object()
        if request.method == "POST":
            made = interfaces.grant(self.access, row, json_object(request))
            return Response(PushInterfaceGrantSerializer(made).data, status=201)
        rows: Any = self.paginate_queryset(row.grants.select_related("user", "role", "group"))
        return self.get_paginated_response(PushInterfaceGrantSerializer(rows, many=True).data)

    @action(detail=True, methods=["delete"], url_path=r"grants/(?P<grant>[^/]+)")
    def grant(self, request: Request, grant: str, *args: Any, **kwargs: Any) -> Response:
        rows = InterfaceGrant.objects.select_related("interface", "user", "role", "group")
        interfaces.revoke(self.access, rows.get_in(self.workspace, grant, interface=self.get_object()))
        return Response(status=204)


class PushViewSet(WorkspaceViewSet):
    """Single pushes."""

    model = Push
    serializer_class = PushSerializer
    filterset_fields = ["audience", "dataset", "interface", "state", "mode", "target"]
    ordering_fields = ["created_at"]
    required_permission = {"*": interfaces.PUSH}
    http_method_names = ["get", "post", "head", "options"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Push.objects.none()
        rows = Push.objects.in_workspace(self.workspace).filter(sources.visible(self.access))
        return links.with_ids(KIND, rows)

    @extend_schema(
        request=shape("NewPush", audience=maybe(str), dataset=maybe(str), interface=str, **_WHAT),
        responses=PUSH_STARTED,
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Push now: `audience`, or `dataset` (an AIPL model), `interface`, `fields`, `options`, `campaigns` → 202 with
        the job and the push."""
        data = json_object(request)
        model, audience = data.pop("dataset", None), data.pop("audience", None)
        if model and audience:
            message = _("Give an audience or a dataset, not both.")
            raise ValidationFailed(message, errors={"dataset": [message]})
        subject: Any = (
            aipl.get(self.access, str(model))
            if model
            else visibility.get_visible(self.access, str(audience or ""))
        )
        interface = interfaces.get_usable(self.access, str(data.pop("interface", "")))
        row = services.push(self.access, subject, interface, data)
        return accepted(active_job(row), push=self.get_serializer(row).data)

    @extend_schema(request=None, responses=PUSH_STARTED)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Again, under the same ID."""
        row = services.retry(self.access, services.get(self.access, kwargs["pk"]))
        return accepted(active_job(row), push=self.get_serializer(row).data)

    @extend_schema(request=None, responses=PushSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop it; what the other side has had already stays there."""
        services.cancel(self.access, services.get(self.access, kwargs["pk"]))
        return self.answer(services.get(self.access, kwargs["pk"]))


class _Source(WorkspaceAPIView):
    """Of an audience."""

    required_permission = {"*": interfaces.PUSH}

    def source(self) -> sources.Source:
        return sources.of(visibility.get_visible(self.access, self.kwargs["pk"]))

    def rows(self, **more: Any) -> Any:
        source = self.source()
        return PushSetting.objects.filter(**{source.field: source.subject}, **more)


class _Model(_Source):
    """Of an AIPL model; only those who may change it come here."""

    def source(self) -> sources.Source:
        found = sources.of(aipl.get(self.access, self.kwargs["pk"]))
        found.check(self.access)
        return found


class PushFields(_Source):
    """What of an audience can be pushed."""

    @extend_schema(
        parameters=[OpenApiParameter("interface", str, required=True)],
        responses=shape("PushFields", ids=[dict], unusable=[dict], tags=[dict], facts=[dict], hourly=bool),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`{"ids", "unusable", "tags", "facts", "hourly"}` for `?interface=`."""
        source = self.source()
        interface = interfaces.get_usable(self.access, request.query_params.get("interface", ""))
        target = interfaces.target_of(interface)
        if reason := source.takes(target):
            raise ValidationFailed(reason, errors={"interface": [reason]})
        found = fields.offered(self.access, source.subject, target)
        return Response({**found, "hourly": source.hourly})


class ModelFields(_Model, PushFields):
    """What of an AIPL model can be pushed."""


class PushSettings(_Source):
    """The periodic pushes of an audience."""

    @extend_schema(responses=shape("PushSettings", results=[PushSettingSerializer]))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({"results": PushSettingSerializer(self.rows(), many=True).data})


class ModelSettings(_Model, PushSettings):
    """The periodic pushes of an AIPL model."""


class OnePushSetting(_Source):
    """The periodic push of an audience to one interface."""

    @extend_schema(
        request=shape(
            "PushSettingInput",
            enabled=maybe(bool),
            refresh=maybe(dict),
            start=serializers.DateField(required=False, allow_null=True),
            end=serializers.DateField(required=False, allow_null=True),
            **_WHAT,
        ),
        responses=PushSettingSerializer,
    )
    def put(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`enabled`, `refresh` (a policy), `start`, `end`, `fields`, `options`, `campaigns`; takes the place of an
        earlier one."""
        source = self.source()
        interface = interfaces.get_usable(self.access, kwargs["interface"])
        row = services.set_periodic(self.access, source.subject, interface, json_object(request))
        return Response(PushSettingSerializer(row).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.rows(interface=kwargs["interface"]).first()
        if row is None:
            raise NotFound(_("This is not pushed there by schedule."))
        services.remove_periodic(self.access, row)
        return Response(status=204)


class OneModelSetting(_Model, OnePushSetting):
    """The periodic push of an AIPL model to one interface."""
