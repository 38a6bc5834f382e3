"""REST API of an organization's providers."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.members.manager_api import ManagerViewSet
from cdp.core.api import json_object
from cdp.core.errors import ValidationFailed
from cdp.core.schema import maybe, shape
from marketing.channels import dns_records
from marketing.channels.api import DKIM_KEY, DNS_RECORDS, SETTINGS, STATE, TESTED
from marketing.channels.models import ORDINARY, SharedProvider
from marketing.channels.organization import services
from marketing.channels.services import shown_config


class SharedProviderSerializer(serializers.ModelSerializer[SharedProvider]):
    """A connection that workspaces of the organization share. Secrets are write-only and shown as dots."""

    channel = serializers.ChoiceField(choices=ORDINARY)
    config = serializers.JSONField(required=False)

    class Meta:
        model = SharedProvider
        fields = [*SETTINGS, "for_all", *STATE]
        read_only_fields = ["id", "for_all", *STATE]

    def to_representation(self, instance: SharedProvider) -> dict[str, Any]:
        found = super().to_representation(instance)
        return {**found, "config": shown_config(instance.as_provider())}


_GRANTS = shape("ProviderGrants", for_all=maybe(bool), workspaces=maybe([str]))


class SharedProviderViewSet(ManagerViewSet):
    """Providers of the organization; `grants` says which workspaces have one."""

    serializer_class = SharedProviderSerializer
    lookup_field = "pk"
    filterset_fields = ["channel", "type", "enabled"]
    search_fields = ["name"]
    ordering_fields = ["name", "created_at"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return SharedProvider.objects.none()
        return SharedProvider.objects.filter(organization=self.organization)

    def get_object(self) -> SharedProvider:
        return services.provider_of(self.organization, self.kwargs["pk"])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self._answer(services.create(self.access, self.organization, data.validated_data), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change it in every workspace at once; its channel and type stay."""
        shared = self.get_object()
        self.check_etag(shared)
        data = self.get_serializer(shared, data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        return self._answer(services.update(self.access, shared, data.validated_data))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """409 `in_use` with `used` while workspaces need it: [{"workspace", "name", "what", "count"}]."""
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses=TESTED)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try it: {"ok", "lines"}."""
        return Response(services.test(self.access, self.get_object()))

    @extend_schema(methods=["get"], responses=_GRANTS)
    @extend_schema(methods=["put"], request=_GRANTS, responses=_GRANTS)
    @action(detail=True, methods=["get", "put"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who has it: {"for_all": false, "workspaces": ["slug"]}. PUT the same to change it."""
        shared = self.get_object()
        if request.method == "PUT":
            given = json_object(request)
            for_all, slugs = given.get("for_all", False), given.get("workspaces", [])
            if not isinstance(for_all, bool):
                raise ValidationFailed(errors={"for_all": [_("Give true or false.")]})
            if not isinstance(slugs, list):
                raise ValidationFailed(errors={"workspaces": [_("A list is needed here.")]})
            workspaces = services.workspaces_named(self.organization, slugs)
            services.grant(self.access, shared, for_all=for_all, workspaces=workspaces)
            shared.refresh_from_db()
        slugs = [row.slug for row in services.granted(shared)]
        return Response({"for_all": shared.for_all, "workspaces": slugs})

    @extend_schema(request=DKIM_KEY, responses=DNS_RECORDS)
    @action(detail=True, methods=["post"], url_path="dkim-key")
    def dkim_key(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a new DKIM key: {"domain", "selector"}; answers the DNS records to publish, never the key."""
        given = json_object(request)
        shared = services.make_dkim_key(
            self.access, self.get_object(), str(given.get("domain", "")), str(given.get("selector", ""))
        )
        return Response({"records": dns_records.of(shared.as_provider())})

    def _answer(self, shared: SharedProvider, *, status: int = 200) -> Response:
        return Response(self.get_serializer(shared).data, status=status, headers={"ETag": shared.etag})
