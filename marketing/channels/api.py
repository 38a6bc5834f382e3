"""REST API of providers and sender addresses."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, json_object
from cdp.core.schema import shape
from marketing.channels import callbacks, dkim_keys, dns_records, senders, services
from marketing.channels.models import ORDINARY, Health, Provider, ProviderCall, SenderAddress

HEALTH = {
    Health.WELL: "well",
    Health.UNTESTED: "untested",
    Health.ERROR: "error",
    Health.DENIED: "denied",
    Health.OFF: "off",
    Health.WITHDRAWN: "withdrawn",
}

SETTINGS = (
    "id",
    "channel",
    "type",
    "name",
    "config",
    "rate_per_second",
    "batch_size",
    "price",
    "price_currency",
    "enabled",
)
STATE = ("last_error", "failing_since", "checked_at", "succeeded_at", "created_at", "updated_at")
"""What is only read of every provider, also of those that the organization shares."""
OWN = ("shared", "withdrawn_at", "paused_until", "mailbox_checked_at", "mailbox_error", "return_error")
"""What is only read of those of a workspace."""


class ProviderSerializer(serializers.ModelSerializer[Provider]):
    """A connection to a mail server or message platform. Secrets are write-only and shown as dots."""

    as_shown: ClassVar = {"health": str, "webhook": str}
    channel = serializers.ChoiceField(choices=ORDINARY)
    config = serializers.JSONField(required=False)

    class Meta:
        model = Provider
        fields = [*SETTINGS, *STATE, *OWN]
        read_only_fields = ["id", *STATE, *OWN]

    def to_representation(self, instance: Provider) -> dict[str, Any]:
        return {
            **super().to_representation(instance),
            "config": services.shown_config(instance),
            "health": HEALTH[instance.health],
            "webhook": callbacks.address_of(instance),
        }


class ProviderCallSerializer(serializers.ModelSerializer[ProviderCall]):
    """A call to a platform by contract, masked."""

    class Meta:
        model = ProviderCall
        fields = [
            "id",
            "at",
            "method",
            "path",
            "status",
            "code",
            "ok",
            "detail",
            "milliseconds",
            "request",
            "answer",
        ]


TESTED = shape("ProviderTest", ok=bool, lines=[str])
DKIM_KEY = shape("DkimKey", domain=str, selector=str)
DNS_RECORDS = shape("DnsRecords", records=[shape("DnsRecord", type=str, name=str, value=str, purpose=str)])


class ProviderViewSet(WorkspaceViewSet):
    """Providers of the workspace. Webhooks are a resource of their own."""

    model = Provider
    serializer_class = ProviderSerializer
    filterset_fields = ["channel", "type", "enabled"]
    search_fields = ["name"]
    ordering_fields = ["name", "created_at"]
    required_permission = {"*": "marketing.accounts.manage", "calls": "marketing.calls.view"}

    def get_queryset(self) -> Any:
        return super().get_queryset().exclude(channel=Provider.Channel.CUSTOM)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(services.create_provider(self.access, data.validated_data), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        provider = self.get_object()
        self.check_etag(provider)
        data = self.get_serializer(provider, data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        return self.answer(services.update_provider(self.access, provider, data.validated_data))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_provider(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses=TESTED)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(services.test_provider(self.access, self.get_object()))

    @extend_schema(request=OpenApiTypes.OBJECT, responses=TESTED)
    @action(detail=True, methods=["post"], url_path="renew-keys")
    def renew_keys(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put new secrets of `config` in and try them at once: {"token": "…"} → {"ok", "lines"}."""
        return Response(services.renew_keys(self.access, self.get_object(), json_object(request)))

    @extend_schema(parameters=[OpenApiParameter("ok", bool)], responses=ProviderCallSerializer(many=True))
    @action(detail=True, methods=["get"])
    def calls(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The calls of the last 7 days to a platform by contract, the latest first; `?ok=false` those that failed."""
        rows = self.get_object().calls.all()
        if (ok := request.query_params.get("ok")) in ("true", "false"):
            rows = rows.filter(ok=ok == "true")
        return self.get_paginated_response(
            ProviderCallSerializer(self.paginate_queryset(rows), many=True).data
        )

    @extend_schema(request=None, responses=shape("FetchedSenders", new=int, frozen=int, known=int))
    @action(detail=True, methods=["post"], url_path="fetch-senders")
    def fetch_senders(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the platform for its sender addresses: {"new", "frozen", "known"}."""
        return Response(senders.fetch(self.access, self.get_object()))

    @extend_schema(request=DKIM_KEY, responses=DNS_RECORDS)
    @action(detail=True, methods=["post"], url_path="dkim-key")
    def dkim_key(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a new DKIM key: {"domain", "selector"}; answers the DNS records to publish, never the key."""
        data = request.data if isinstance(request.data, dict) else {}
        provider = dkim_keys.make(
            self.access, self.get_object(), str(data.get("domain", "")), str(data.get("selector", ""))
        )
        return Response({"records": dns_records.of(provider)})

    @extend_schema(responses=DNS_RECORDS)
    @action(detail=True, methods=["get"], url_path="dns-records")
    def dns_records(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What should stand in the DNS for its mail: {"records": [{"type", "name", "value", "purpose"}]}."""
        return Response({"records": dns_records.of(self.get_object())})


class SenderAddressSerializer(serializers.ModelSerializer[SenderAddress]):
    class Meta:
        model = SenderAddress
        fields = ["id", "provider", "address", "name", "state", "created_at"]
        read_only_fields = ["id", "state", "created_at"]


class SenderViewSet(WorkspaceViewSet):
    """Addresses that mail may come from."""

    model = SenderAddress
    serializer_class = SenderAddressSerializer
    filterset_fields = ["provider", "state"]
    search_fields = ["address", "name"]
    ordering_fields = ["address", "created_at"]
    required_permission = {"*": "marketing.accounts.manage"}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        provider = Provider.objects.get_in(self.workspace, str(request.data.get("provider", "")))
        sender = senders.add(
            self.access, provider, str(request.data.get("address", "")), str(request.data.get("name", ""))
        )
        return self.answer(sender, status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        senders.delete(self.access, self.get_object())
        return Response(status=204)
