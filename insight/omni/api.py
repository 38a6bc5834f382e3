"""REST API of omni-domain insight."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core import timezones
from cdp.core.api import WorkspaceAPIView, WorkspaceViewSet, accepted, json_object
from cdp.core.errors import NotFound, ValidationFailed
from cdp.core.schema import extended, maybe, nullable, shape
from cdp.jobs.api import STARTED, started
from cdp.jobs.services import active_job
from insight.audiences.models import Audience
from insight.omni import audiences, features, quota, reports, state, uses
from insight.omni import pack as packs
from insight.omni.models import InsightReport, Intake, Quota

POINT = "omni"
_STANDING: dict[str, Any] = {"used": int, "owed": int, "left": int}
_TAG: dict[str, Any] = {"tag": str, "name": str, "category": str, "values": [Any]}
_PACK = shape(
    "TagPack", name=str, version=int, licence=str, devices=int, id_columns=[str], installed_at=datetime
)


class Overview(WorkspaceAPIView):
    """State of the module, and its figures."""

    required_permission = {"get": POINT}

    @extend_schema(
        responses=shape(
            "OmniOverview",
            state=str,
            progress=nullable(dict),
            connected=int,
            tags=int,
            audiences=int,
            reports=int,
            pack=_PACK(allow_null=True),
            quota=shape("OmniQuotaStanding", **_STANDING),
        )
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(state.figures(self.access))


class Features(WorkspaceAPIView):
    """What is special about the population, or about an audience."""

    required_permission = {"get": POINT}

    @extend_schema(
        parameters=[OpenApiParameter("audience", str), OpenApiParameter("compare", str)],
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "As the guide of omni-domain insight says"),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = [request.query_params.get(name, "") for name in ("audience", "compare")]
        return Response(features.distinctive(self.access, *asked))


class Analysis(WorkspaceAPIView):
    """Values of tags, or pairs of values of two tags."""

    required_permission = {"post": POINT}

    @extend_schema(
        request=shape(
            "OmniAnalysis",
            kind=serializers.ChoiceField(["distribution", "cross"]),
            tags=maybe([str]),
            row=maybe(str),
            column=maybe(str),
            row_values=maybe([str]),
            column_values=maybe([str]),
            audience=maybe(str),
            compare=maybe(str),
        ),
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "As the guide of omni-domain insight says"),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`kind` distribution with `tags`, `audience`, `compare`; or `kind` cross with `row`, `column` and these.

        Of a cross, `row_values` and `column_values` choose some values.
        """
        data = json_object(request)
        audience, compare = (str(data.get(name) or "") for name in ("audience", "compare"))
        if data.get("kind") == "distribution":
            tags = _texts(data, "tags")
            found = features.distribution(self.access, tags, audience, compare)
            uses.note(self.workspace, tags)
            return Response(found)
        if data.get("kind") == "cross":
            row, column = str(data.get("row") or ""), str(data.get("column") or "")
            values = {name: _texts(data, name) for name in ("row_values", "column_values")}
            found = features.cross(self.access, row, column, audience, compare, **values)
            uses.note(self.workspace, [row, column])
            return Response(found)
        raise ValidationFailed(
            errors={"kind": [_("Choose one of %(types)s.") % {"types": "distribution, cross"}]}
        )


def _texts(data: dict[str, Any], name: str) -> list[str]:
    found = data.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValidationFailed(errors={name: [_("Give a list of texts.")]})
    return found


class Tags(WorkspaceAPIView):
    """The tags of the pack, with people and uses as they were last counted."""

    required_permission = {"get": POINT}

    @extend_schema(
        operation_id="workspaces_omni_tags_list",
        responses=shape(
            "OmniTags",
            count=int,
            results=[shape("OmniTag", **_TAG, people=nullable(int), uses=int, counted_on=nullable(date))],
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        pack, counted = packs.require(self.workspace), uses.latest(self.workspace)
        rows = [
            {
                **item,
                "people": counted[item["tag"]].people if item["tag"] in counted else None,
                "uses": counted[item["tag"]].uses if item["tag"] in counted else 0,
                "counted_on": counted[item["tag"]].day if item["tag"] in counted else None,
            }
            for item in pack.tags
        ]
        return Response({"count": len(rows), "results": rows})


class OmniQuotaSerializer(serializers.ModelSerializer[Quota]):
    """A quota of the organization. `left` is what of it may still be brought in while it is valid."""

    left = serializers.SerializerMethodField()

    class Meta:
        model = Quota
        fields = ["id", "amount", "left", "valid_from", "valid_to", "note", "created_at"]

    def get_left(self, row: Quota) -> int:
        spent: dict[str, int] = self.context.get("spent", {})
        return int(row.amount) - spent.get(row.pk, 0)


class OmniIntakeSerializer(serializers.ModelSerializer[Intake]):
    workspace = serializers.CharField(source="workspace.slug")

    class Meta:
        model = Intake
        fields = [
            "workspace",
            "push",
            "audience",
            "audience_name",
            "state",
            "pushed",
            "recognised",
            "fresh",
            "devices",
            "created_at",
        ]


class Resources(WorkspaceAPIView):
    """IDs that were used, are owed and are left; quotas; what this workspace brought in."""

    required_permission = {"*": POINT}

    @extend_schema(
        parameters=[
            OpenApiParameter("from", date),
            OpenApiParameter("to", date),
            OpenApiParameter("of", str, enum=["all"], description="What all workspaces brought in."),
        ],
        responses=shape(
            "OmniResources", **_STANDING, quotas=[OmniQuotaSerializer], intakes=[OmniIntakeSerializer]
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`from` and `to` choose the quotas valid on one of these days, and what was brought in on them.

        Managers of the organization get with `of=all` what all of its workspaces brought in.
        """
        everywhere = request.query_params.get("of") == "all"
        if everywhere:
            quota.check_manages(self.access)
        quotas, intakes = quota.within(request.query_params, self.workspace, everywhere=everywhere)
        found = quota.of_organization(self.workspace.organization, timezones.today(self.workspace))
        return Response(
            {
                **state.told_quota(found),
                "quotas": OmniQuotaSerializer(quotas, many=True, context={"spent": found.spent}).data,
                "intakes": OmniIntakeSerializer(intakes[:1000], many=True).data,
            }
        )

    @extend_schema(request=OmniQuotaSerializer, responses={201: OmniQuotaSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A further quota, by a manager of the organization; what is owed is taken from it at once."""
        row = quota.add(self.access, json_object(request))
        found = quota.of_organization(self.workspace.organization, timezones.today(self.workspace))
        return Response(OmniQuotaSerializer(row, context={"spent": found.spent}).data, status=201)


class Pack(WorkspaceAPIView):
    """The tag pack of the organization."""

    required_permission = {"*": POINT}

    @extend_schema(responses=_PACK)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(state.shown_pack(packs.require(self.workspace)))

    @extend_schema(
        request=shape("NewTagPack", name=str, licence=maybe(str), pack=str, tags=str, baseline=maybe(str)),
        responses=STARTED,
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Install one: `name`, `licence`, and tables of this workspace: `pack`, `tags`, `baseline` → 202."""
        _pack, job = packs.install(self.access, json_object(request))
        return accepted(job)


class InsightReportSerializer(serializers.ModelSerializer[InsightReport]):
    owner = serializers.CharField(source="owner.username", default=None)

    class Meta:
        model = InsightReport
        fields = ["id", "name", "public", "owner", "definition", "result", "created_at"]


class ReportViewSet(WorkspaceViewSet):
    """Insight reports: one's own and the public ones."""

    model = InsightReport
    serializer_class = InsightReportSerializer
    search_fields = ["name"]
    required_permission = {"*": POINT}
    http_method_names = ["get", "post", "delete", "head", "options"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return InsightReport.objects.none()
        return reports.visible(self.access)

    @extend_schema(
        request=shape(
            "NewInsightReport",
            name=str,
            public=maybe(bool),
            audience=maybe(str),
            compare=maybe(str),
            parts=maybe([str]),
            tags=maybe([str]),
            row=maybe(str),
            column=maybe(str),
            row_values=maybe([str]),
            column_values=maybe([str]),
            of=maybe(str),
        )
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute and keep: `name`, `public`, `audience`, `compare`, `parts`, `tags`, `row`, `column`.

        Of a cross, `row_values` and `column_values` choose some values, and `of` (total, row, column) its shares.
        """
        return self.answer(reports.save(self.access, json_object(request)), status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        reports.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={201: InsightReportSerializer})
    @action(detail=True, methods=["post"])
    def again(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The same charts with the numbers of now, as a new report."""
        return self.answer(reports.again(self.access, self.get_object()), status=201)


class OmniAudienceSerializer(serializers.ModelSerializer[Audience]):
    groups = serializers.JSONField(source="origin_detail.groups", read_only=True)
    daily = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner.username", default=None)

    class Meta:
        model = Audience
        fields = [
            "id",
            "name",
            "public",
            "owner",
            "state",
            "reason",
            "count",
            "version",
            "groups",
            "daily",
            "created_at",
            "refreshed_at",
        ]

    def get_daily(self, row: Audience) -> bool:
        return bool(row.refresh)


_WHOLE_AUDIENCE = extended(
    "WholeOmniAudience",
    OmniAudienceSerializer,
    history=[shape("OmniAudienceSize", at=datetime, count=int, joined=nullable(int), left=nullable(int))],
)


class OmniAudienceViewSet(WorkspaceViewSet):
    """Audiences made here; they also stand in the list of all audiences."""

    model = Audience
    serializer_class = OmniAudienceSerializer
    search_fields = ["name"]
    required_permission = {"*": POINT}
    http_method_names = ["get", "post", "delete", "head", "options"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Audience.objects.none()
        return audiences.visible(self.access).select_related("owner")

    @extend_schema(responses=_WHOLE_AUDIENCE)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The audience, with the `history` of its size: `at`, `count`, `joined`, `left`, the latest first."""
        row = self.get_object()
        history = [
            {"at": item.created_at, "count": item.count, "joined": item.joined, "left": item.left}
            for item in audiences.sizes(row)
        ]
        return Response({**self.get_serializer(row).data, "history": history})

    @extend_schema(
        request=shape(
            "NewOmniAudience",
            name=str,
            public=maybe(bool),
            daily=maybe(bool),
            groups=maybe([dict]),
            features=maybe([dict]),
            match=maybe(str),
            audience=maybe(str),
        ),
        responses=started("OmniAudienceStarted", audience=OmniAudienceSerializer),
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`name`, `public`, `daily`, and `groups`, or `features` with `match` (all, any) and `audience` → 202."""
        data = json_object(request)
        make = audiences.extract if "features" in data else audiences.create
        made = make(self.access, data)
        return accepted(active_job(made), audience=self.get_serializer(made).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        audiences.delete(self.access, self.get_object())
        return Response(status=204)


class TagDetail(WorkspaceAPIView):
    """One tag: people per value, and how that was on the days before."""

    required_permission = {"get": POINT}

    @extend_schema(
        operation_id="workspaces_omni_tags_retrieve",
        responses=shape(
            "WholeOmniTag", **_TAG, days=[shape("OmniTagDay", day=date, people=int, values=dict, uses=int)]
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        item = packs.require(self.workspace).tag(kwargs["column"])
        if item is None:
            raise NotFound(_("The pack has no tag “%(tag)s”.") % {"tag": kwargs["column"]})
        uses.note(self.workspace, [item["tag"]])
        days = uses.history(self.workspace, kwargs["column"])
        shown = [
            {"day": row.day, "people": row.people, "values": row.values, "uses": row.uses} for row in days
        ]
        return Response({**item, "days": shown})
