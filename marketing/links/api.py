"""The REST API of short links."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core import where_used
from cdp.core.api import WorkspaceViewSet, accepted, json_object
from cdp.core.schema import USES, nullable, shape
from cdp.jobs.api import STARTED
from insight.audiences.serializers import AUDIENCE_STARTED, OF_AN_AUDIENCE
from marketing.links import outcome, queries, services
from marketing.links.models import LinkDomain, ShortLink


class ShortLinkSerializer(serializers.ModelSerializer[ShortLink]):
    """A short link. `clicks` and `people` leave machines out."""

    state = serializers.ChoiceField(choices=ShortLink.State.choices, read_only=True)
    url = serializers.CharField(read_only=True)
    url_with_parameter = serializers.CharField(
        read_only=True, help_text="For the text of an SMS: everybody gets an address of their own."
    )
    clicks = serializers.IntegerField(source="views", read_only=True)
    people = serializers.IntegerField(read_only=True)

    class Meta:
        model = ShortLink
        fields = [
            "id",
            "name",
            "target",
            "url",
            "url_with_parameter",
            "forward_query",
            "state",
            "expires_at",
            "clicks",
            "people",
            "created_at",
        ]
        read_only_fields = fields


_COUNTS = {"clicks": int, "people": int}
_BY_VALUE = shape("ClicksOfValue", value=str, **_COUNTS)


class NewShortLink(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64)
    target = serializers.CharField(max_length=2000)
    days = serializers.IntegerField()
    forward_query = serializers.BooleanField(default=False)


class ShortLinkName(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64)


class ShortLinkDays(serializers.Serializer[Any]):
    days = serializers.IntegerField()


class Mobiles(serializers.Serializer[Any]):
    mobiles = serializers.ListField(child=serializers.CharField(max_length=32))


class ShortLinkViewSet(WorkspaceViewSet):
    """Short addresses and their clicks."""

    model = ShortLink
    serializer_class = ShortLinkSerializer
    search_fields = ["name", "target", "code"]
    ordering_fields = ["name", "created_at", "expires_at"]
    required_permission = {"*": "marketing.content.manage"}

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ShortLink.objects.none()
        return queries.counted(self.workspace).select_related("workspace")

    def _answer(self, link: ShortLink, status: int = 200) -> Response:
        return self.answer(self.get_queryset().get(pk=link.pk), status=status)

    def _given(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        data = serializer(data=self.request.data)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)

    @extend_schema(request=NewShortLink)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new link: `name`, `target`, `days` (1, 7 or 30), `forward_query`."""
        return self._answer(services.create(self.access, **self._given(NewShortLink)), status=201)

    @extend_schema(request=ShortLinkName)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `name`."""
        return self._answer(
            services.rename(self.access, self.get_object(), self._given(ShortLinkName)["name"])
        )

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the link with its clicks."""
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=ShortLinkDays, responses=ShortLinkSerializer)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Good for `days` from now, also where it had ended or was stopped."""
        return self._answer(
            services.extend(self.access, self.get_object(), self._given(ShortLinkDays)["days"])
        )

    @extend_schema(request=None, responses=ShortLinkSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """It leads nowhere from now on."""
        return self._answer(services.stop(self.access, self.get_object()))

    @extend_schema(responses=USES)
    @action(detail=True, methods=["get"])
    def uses(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Templates and send-outs with the link: {"uses": [{"kind", "id", "name", "state"}]}."""
        return Response(where_used.as_json(self.access, self.get_object()))

    @extend_schema(
        responses=shape(
            "ShortLinkStatistics",
            clicks=int,
            people=int,
            named=int,
            first_at=nullable(datetime),
            last_at=nullable(datetime),
            machines=int,
            days=[shape("ClicksOfDay", day=date, **_COUNTS)],
            hours=[shape("ClicksOfHour", hour=int, **_COUNTS)],
            **{f"{field}s": [_BY_VALUE] for field in queries.FIELDS},
        )
    )
    @action(detail=True, methods=["get"])
    def statistics(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Clicks and people in all, by day, hour of the day, device, system and region, in the workspace's zone."""
        link = self.get_object()
        return Response(
            {
                **queries.numbers(link),
                "days": queries.by_day(link),
                "hours": queries.by_hour(link),
                **{f"{field}s": queries.by(link, field) for field in queries.FIELDS},
            }
        )

    @extend_schema(
        responses=shape("ShortLinkPerson", mobile=str, clicks=int, first_at=datetime, last_at=datetime)(
            many=True
        )
    )
    @action(detail=True, methods=["get"])
    def people(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The named people who clicked, numbers masked."""
        link = self.get_object()
        rows = self.paginate_queryset(queries.people(link))
        return self.get_paginated_response(
            [{"mobile": queries.masked(link, row.pop("person")), **row} for row in rows or []]
        )

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"])
    def clicks(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """The clicks of people as CSV, numbers masked."""
        return outcome.clicks_csv(self.access, self.get_object())

    @extend_schema(
        request=Mobiles,
        responses=shape("PersonLinks", results=[shape("PersonLink", mobile=str, url=nullable(str))]),
    )
    @action(detail=True, methods=["post"], url_path="person-links")
    def person_links(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An address for each of `mobiles` that tells who follows it; `url` is null where a number is not valid."""
        rows = services.person_links(self.access, self.get_object(), self._given(Mobiles)["mobiles"])
        return Response({"results": rows})

    @extend_schema(request=shape("ClickAudience", **OF_AN_AUDIENCE), responses=AUDIENCE_STARTED)
    @action(detail=True, methods=["post"])
    def audience(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of the named people who clicked: `name`, `folder`, `public`, `remark`, `campaigns`."""
        made, job = outcome.make_audience(self.access, self.get_object(), json_object(request))
        return accepted(job, audience={"id": made.pk, "name": made.name})

    @extend_schema(request=None, responses=STARTED)
    @action(detail=False, methods=["post"])
    def table(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All clicks of named people as the table `short_link_clicks` of the lake."""
        return accepted(outcome.make_table(self.access))


class LinkDomainSerializer(serializers.ModelSerializer[LinkDomain]):
    class Meta:
        model = LinkDomain
        fields = ["id", "name", "created_at"]
        read_only_fields = ["id", "created_at"]


class LinkDomainViewSet(WorkspaceViewSet):
    """Domains that short links may lead to."""

    model = LinkDomain
    serializer_class = LinkDomainSerializer
    search_fields = ["name"]
    ordering_fields = ["name"]
    required_permission = {"*": "marketing.content.manage"}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let short links lead to the domain `name`, such as shop.example.com or *.example.com."""
        data = LinkDomainSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(services.add_domain(self.access, data.validated_data["name"]), status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the domain."""
        services.delete_domain(self.access, self.get_object())
        return Response(status=204)
