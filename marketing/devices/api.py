"""REST API of devices: an app's back end registers them here, and reads what a site needs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet
from cdp.core.schema import shape
from marketing.channels.models import Provider
from marketing.devices import registry, sites
from marketing.devices.models import PushDevice


class PushDeviceSerializer(serializers.ModelSerializer[PushDevice]):
    """A browser or an installation of an app. Neither its address nor the person's IDs are readable."""

    ids = serializers.SerializerMethodField()
    off_reason = serializers.ChoiceField(PushDevice.Off.choices, read_only=True, allow_blank=True)

    class Meta:
        model = PushDevice
        fields = [
            "id",
            "provider",
            "kind",
            "agent",
            "ids",
            "enabled",
            "off_reason",
            "last_seen",
            "created_at",
        ]
        read_only_fields = fields

    def get_ids(self, row: PushDevice) -> dict[str, str]:
        return {item.id_type: item.masked for item in row.ids.all()}


class SubscriptionKeys(serializers.Serializer[Any]):
    p256dh = serializers.CharField(max_length=200)
    auth = serializers.CharField(max_length=100)


class Subscription(serializers.Serializer[Any]):
    """As the browser gives it (`PushSubscription.toJSON()`)."""

    endpoint = serializers.CharField(max_length=sites.LONGEST_ENDPOINT)
    keys = SubscriptionKeys()


class NewDevice(serializers.Serializer[Any]):
    """`token` for an app, `subscription` for a browser; `ids` by their types: {"mobile": "13800138000"}."""

    provider = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(choices=PushDevice.Kind.choices)
    token = serializers.CharField(max_length=registry.LONGEST_TOKEN, required=False)
    subscription = Subscription(required=False)
    ids = serializers.DictField(child=serializers.CharField(max_length=254))
    agent = serializers.CharField(max_length=40, required=False, default="")


class PushDeviceViewSet(WorkspaceViewSet):
    """Devices of the workspace. `search` finds those of whoever has exactly this ID."""

    model = PushDevice
    serializer_class = PushDeviceSerializer
    filterset_fields = ["provider", "kind", "enabled"]
    ordering_fields = ["last_seen", "created_at"]
    required_permission = {"*": registry.PERMISSION}

    def get_queryset(self) -> QuerySet[PushDevice]:
        rows: QuerySet[PushDevice] = super().get_queryset().prefetch_related("ids")
        text = self.request.query_params.get("search", "").strip() if self.action == "list" else ""
        return registry.search(rows, text, self.workspace) if text else rows

    @extend_schema(request=NewDevice)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = NewDevice(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        provider = Provider.objects.get_in(self.workspace, data["provider"], channel=Provider.Channel.PUSH)
        subscription = data.get("subscription") or {}
        address = {
            "endpoint": subscription.get("endpoint"),
            **subscription.get("keys", {}),
            "token": data.get("token"),
        }
        device = registry.register(provider, data["kind"], address, data["ids"], agent=data["agent"])
        return self.answer(device, status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        registry.forget(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses=PushDeviceSerializer)
    @action(detail=True, methods=["post"], url_path="switch-off")
    def switch_off(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """No more messages to the device, until it registers again."""
        registry.switch_off(self.access, self.get_object())
        return self.answer(self.get_object())


class PushSiteSerializer(serializers.Serializer[Provider]):
    """What has to be built into a site."""

    as_shown: ClassVar = {
        "url": str,
        "public_key": str,
        "origins": [str],
        "id_type": str,
        "signed": bool,
        "has_secret": bool,
        "devices": int,
        "snippets": dict,
    }
    id = serializers.CharField()
    name = serializers.CharField()

    def to_representation(self, instance: Provider) -> dict[str, Any]:
        return {
            **super().to_representation(instance),
            "url": sites.base_url(instance),
            "public_key": instance.config["vapid_public"],
            "origins": sites.origins_of(instance),
            "id_type": instance.config["id_type"],
            "signed": not instance.config.get("unsigned"),
            "has_secret": bool(instance.config.get("signing_secret")),
            "devices": registry.reachable(instance).count(),
            "snippets": sites.snippets(instance),
        }


class PushSiteViewSet(WorkspaceViewSet):
    """Sites whose browsers can be written to: the web push channels of the workspace."""

    model = Provider
    serializer_class = PushSiteSerializer
    required_permission = {"*": registry.PERMISSION}

    def get_queryset(self) -> QuerySet[Provider]:
        rows: QuerySet[Provider] = super().get_queryset()
        return rows.filter(channel=Provider.Channel.PUSH, type=sites.TYPE)

    @extend_schema(request=None, responses={201: shape("PushSiteSecret", secret=str)})
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new signing secret, readable this once: {"secret"}. The one before no longer counts."""
        secret = sites.new_secret(self.access, self.get_object())
        return Response({"secret": secret}, status=201, headers={"Cache-Control": "no-store"})
