"""REST API of webhooks, their grants and the calls made."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.db.models import Q
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, json_object
from cdp.core.errors import PermissionDenied
from cdp.core.schema import maybe, shape
from insight.audiences import queries as audiences
from insight.audiences import visibility
from marketing.webhooks import granting, rights, services
from marketing.webhooks.calling import as_log
from marketing.webhooks.models import Webhook, WebhookCall, WebhookGrant
from marketing.webhooks.settings import FIELDS, KEPT


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """An own system. The key is never returned: one that is set shows as dots."""

    as_shown: ClassVar = {"url": maybe(str), "key": maybe(str)}
    name = serializers.CharField()
    provider = serializers.CharField(source="provider_id")
    enabled = serializers.BooleanField()
    rate_per_second = serializers.IntegerField(source="provider.rate_per_second")
    key = serializers.SerializerMethodField()

    class Meta:
        model = Webhook
        fields = [
            "id",
            "name",
            "provider",
            "enabled",
            "url",
            "auth",
            "key",
            "signature_header",
            "id_types",
            "parameters",
            "receipts",
            "window_hours",
            "statuses",
            "fixed_statuses",
            "idempotent",
            "verify_body",
            "source_ips",
            "rate_per_second",
            "concurrency",
            "batch_size",
            "created_at",
            "updated_at",
        ]

    def get_key(self, row: Webhook) -> str:
        return KEPT if row.key else ""

    def to_representation(self, instance: Webhook) -> dict[str, Any]:
        """Who only sends through it needs to know what it takes, not where it stands."""
        found = super().to_representation(instance)
        if self.context["view"].access.can(rights.MANAGE):
            return found
        hidden = ("url", "auth", "key", "signature_header", "source_ips", "verify_body")
        return {name: value for name, value in found.items() if name not in hidden}


class WebhookInput(serializers.ModelSerializer[Webhook]):
    """What a webhook is given; a key that is left out, or given as dots, is kept."""

    name = serializers.CharField(max_length=32)
    rate_per_second = serializers.IntegerField(required=False)

    class Meta:
        model = Webhook
        fields = ["name", "rate_per_second", *FIELDS]


class WebhookGrantSerializer(serializers.ModelSerializer[WebhookGrant]):
    user = serializers.CharField(source="user.username", default=None)
    role = serializers.CharField(source="role.code", default=None)
    group = serializers.CharField(source="group_id", default=None)

    class Meta:
        model = WebhookGrant
        fields = ["id", "user", "role", "group", "expires_at", "expired", "created_at"]


class WebhookCallSerializer(serializers.ModelSerializer[WebhookCall]):
    """One call, with people's IDs masked."""

    class Meta:
        model = WebhookCall
        fields = [
            "id",
            "task",
            "recipient",
            "recipients",
            "attempt",
            "ok",
            "status",
            "detail",
            "url",
            "body",
            "answer",
            "milliseconds",
            "at",
        ]


class WebhookViewSet(WorkspaceViewSet):
    """Webhooks that the person may send through; all for those who set them up.

    `?audience=aud_…`, also several times, lists those that take an ID which all of the audiences hold.
    """

    model = Webhook
    serializer_class = WebhookSerializer
    search_fields = ["provider__name"]
    ordering_fields = ["updated_at"]
    # What only those who set webhooks up may do is checked in `managed` and in the services.
    required_permission = {"*": "workspace.view"}

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Webhook.objects.none()
        rows = rights.visible(self.access)
        if self.action != "list" or not (given := self.request.query_params.getlist("audience")):
            return rows
        wanted = [visibility.get_visible(self.access, key) for key in given]
        held = set.intersection(*({item["id_type"] for item in audiences.id_types(row)} for row in wanted))
        return rows.filter(reduce(or_, (Q(id_types__contains=[key]) for key in held), Q(pk__in=[])))

    def managed(self) -> Webhook:
        self.access.require(rights.MANAGE)
        found: Webhook = self.get_object()
        return found

    @extend_schema(parameters=[OpenApiParameter("audience", str, many=True)])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self._require_any()
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self._require_any()
        return super().retrieve(request, *args, **kwargs)

    def _require_any(self) -> None:
        if not (self.access.can(rights.MANAGE) or self.access.can(rights.CREATE)):
            raise PermissionDenied(point=rights.CREATE)

    @extend_schema(request=WebhookInput)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.create(self.access, json_object(request)), status=201)

    @extend_schema(request=WebhookInput)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        webhook = self.managed()
        self.check_etag(webhook)
        return self.answer(services.update(self.access, webhook, json_object(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.managed())
        return Response(status=204)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def on(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.switch(self.access, self.managed(), enabled=True))

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def off(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch it off: who has not been sent to yet is not, and counts as failed."""
        return self.answer(services.switch(self.access, self.managed(), enabled=False))

    @extend_schema(request=WebhookInput(partial=True), responses={201: WebhookSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A copy, switched off; the body has what shall differ."""
        made = services.copy(self.access, self.managed(), json_object(request))
        return self.answer(made, status=201)

    @extend_schema(
        responses=OpenApiResponse(OpenApiTypes.ANY, "The body: an object, or a list where it takes several")
    )
    @action(detail=True, methods=["get"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A call's body as the settings make it, with examples in it."""
        return Response(services.preview(self.managed()))

    @extend_schema(
        request=shape("WebhookTest", id_type=str, target=str, params=maybe(dict)),
        responses=WebhookCallSerializer,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Call it once: {"id_type", "target", "params"}. `ok` says whether it accepted the call."""
        return Response(
            WebhookCallSerializer(services.test(self.access, self.managed(), json_object(request))).data
        )

    @extend_schema(parameters=[OpenApiParameter("task", str)], responses=WebhookCallSerializer(many=True))
    @action(detail=True, methods=["get"])
    def calls(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The calls of the last 30 days, the latest first; `?task=snd_…` those of one send-out."""
        rows = self.managed().calls.all()
        if task := request.query_params.get("task"):
            rows = rows.filter(task=task)
        return self.get_paginated_response(
            WebhookCallSerializer(self.paginate_queryset(rows), many=True).data
        )

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"], url_path=r"calls/(?P<call>[^/]+)/log")
    def log(self, request: Request, call: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """A call as a text file."""
        return log_file(WebhookCall.objects.get_in(self.workspace, call, webhook=self.managed()))

    @extend_schema(methods=["get"], responses=WebhookGrantSerializer(many=True))
    @extend_schema(methods=["post"], request=WebhookGrantSerializer, responses={201: WebhookGrantSerializer})
    @action(detail=True, methods=["get", "post"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who may send through it; POST `user` or `role`, and `expires_at`. One kind drops the other."""
        webhook = self.managed()
        if request.method == "POST":
            made = granting.grant(self.access, webhook, json_object(request))
            return Response(WebhookGrantSerializer(made).data, status=201)
        rows: Any = self.paginate_queryset(webhook.grants.select_related("user", "role", "group"))
        return self.get_paginated_response(WebhookGrantSerializer(rows, many=True).data)

    @action(detail=True, methods=["delete"], url_path=r"grants/(?P<grant>[^/]+)")
    def grant(self, request: Request, grant: str, *args: Any, **kwargs: Any) -> Response:
        rows = WebhookGrant.objects.select_related("webhook", "user", "role", "group")
        granting.revoke(self.access, rows.get_in(self.workspace, grant, webhook=self.managed()))
        return Response(status=204)


def log_file(call: WebhookCall) -> HttpResponse:
    """A call as a file to download."""
    response = HttpResponse(as_log(call), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{call.pk}.log"'
    return response
