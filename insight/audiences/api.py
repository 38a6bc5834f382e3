"""REST API of audiences."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.schema import MOVED, PAGE, PAGE_OF_ROWS, extended, maybe, nullable, shape
from cdp.jobs.api import STARTED, JobSerializer
from cdp.jobs.models import Job
from insight.audiences import (
    combining,
    counting,
    explaining,
    identities,
    lineage,
    members,
    origins,
    outside,
    past,
    refreshing,
    rules,
    services,
    snapshots,
    starters,
    visibility,
    wording,
)
from insight.audiences.bodies import body, chosen, refresh_options, uploaded_file
from insight.audiences.campaign_links import KIND
from insight.audiences.comparing_api import ComparingActions
from insight.audiences.csv_options import CsvOptions
from insight.audiences.folders import folders
from insight.audiences.knowing_api import KnowingActions
from insight.audiences.many_api import ManyActions
from insight.audiences.models import Audience
from insight.audiences.rule_checks import checked_rule
from insight.audiences.serializers import (
    COMBINED_WITH,
    MADE_FROM,
    OF_AN_AUDIENCE,
    REFUSED,
    RULE_SUMMARY,
    AudienceChange,
    AudienceInput,
    AudienceSerializer,
    AudienceVersionSerializer,
    RuleSerializer,
    SnapshotSerializer,
)
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.streaming import csv_response
from insight.campaigns import links
from insight.campaigns import rights as campaign_rights

SEE, SELECT = "insight.audience.list", "insight.audience.filter"


def rule_schema(request: HttpRequest) -> JsonResponse:
    """The JSON Schema of rules."""
    return JsonResponse(rules.json_schema())


class AudienceFilter(django_filters.FilterSet):
    mine = django_filters.BooleanFilter(method="only_mine", help_text="Those of the person who asks.")
    folder = django_filters.CharFilter(field_name="folder_id")
    owner = django_filters.CharFilter(field_name="owner__username")
    offers = django_filters.ChoiceFilter(
        method="offering",
        choices=[(action, action) for action in sorted(origins.ACTIONS)],
        help_text="Those whose origin offers an action, such as combine.",
    )

    campaign = django_filters.CharFilter(
        method="of_campaign", help_text="Those of a campaign, or of one below it."
    )
    updated_since = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    updated_before = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="lt")
    created_since = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Audience
        fields = ["state", "public", "origin", "user_id_type", "source"]

    def of_campaign(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        seen = campaign_rights.visible(self.request.access).filter(pk=value)
        return rows.filter(pk__in=links.belonging(KIND, value)) if seen.exists() else rows.none()

    def offering(self, rows: QuerySet[Audience], name: str, value: str) -> QuerySet[Audience]:
        return rows.filter(origin__in=origins.offering(value))

    def only_mine(self, rows: QuerySet[Audience], name: str, value: bool) -> QuerySet[Audience]:
        user = self.request.user
        return rows.filter(owner=user) if value else rows.exclude(owner=user)


_REFRESH: dict[str, Any] = {
    "snapshot": serializers.BooleanField(required=False, allow_null=True),
    "datasets_first": maybe(bool),
}
_AS_OF = [OpenApiParameter("as_of", str), OpenApiParameter("version", int)]
_CSV = [OpenApiParameter(name, bool) for name in ("bom", "gzip", "header")]
_COMPUTED = {202: extended("ComputedAudience", AudienceSerializer, job=JobSerializer)}


class AudienceViewSet(ComparingActions, ManyActions, KnowingActions, WorkspaceViewSet):
    """Audiences: described sets of users, computed into versions."""

    model = Audience
    serializer_class = AudienceSerializer
    filterset_class = AudienceFilter
    lookup_value_regex = "aud_[a-z0-9]+"
    search_fields = ["name", "remark"]
    ordering_fields = ["name", "updated_at", "created_at", "refreshed_at", "count", "state"]
    required_permission = {
        "create": SELECT,
        "update": SELECT,
        "partial_update": SELECT,
        "preview": SELECT,
        "preview_members": SELECT,
        "steps": SELECT,
        "summary": SELECT,
        "id_types": SELECT,
        "rule_starters": SELECT,
        "upload": SELECT,
        "from_table": SELECT,
        "combine": SELECT,
        "replace_file": SELECT,
        "copy": SELECT,
        "copy_many": SELECT,
        "overlap_save": SELECT,
        "split": SELECT,
        "compare_save": SELECT,
        "*": SEE,
    }

    def get_queryset(self) -> QuerySet[Audience]:
        if getattr(self, "swagger_fake_view", False):
            return Audience.objects.none()
        rows = visibility.visible(self.access).select_related("owner", "folder", "current", "workspace")
        return links.with_ids(KIND, rows)

    @extend_schema(request=AudienceInput, responses={201: AudienceSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make an audience and start computing it."""
        return self._fresh(services.create(self.access, body(request)), status=201)

    @extend_schema(request=AudienceChange, responses=AudienceSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some fields. A changed rule, limit or choice of IDs starts a refresh."""
        etag, audience = request.headers.get("If-Match", ""), self.get_object()
        change = combining.update if audience.origin == combining.COMBINED else services.update
        return self._fresh(change(self.access, audience, body(request), etag=etag))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete an audience with its versions. Refused (409) while something uses it."""
        services.delete(self.access, self.get_object())
        return Response(status=204)

    def _fresh(self, audience: Audience, *, status: int = 200) -> Response:
        return self.answer(self.get_queryset().get(pk=audience.pk), status=status)

    @extend_schema(
        request={
            "multipart/form-data": shape(
                "AudienceUpload",
                file=serializers.FileField(),
                id_type=str,
                encryption=maybe(str),
                source=maybe(str),
                **OF_AN_AUDIENCE,
            )
        },
        responses=_COMPUTED,
    )
    @action(detail=False, methods=["post"], parser_classes=[MultiPartParser])
    def upload(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of a file (multipart): `file` with one ID per line, `id_type`, `source`, `name` …"""
        data = {key: value for key, value in body(request).items() if key != "file"}
        if "public" in data:
            data["public"] = data["public"] in ("true", "1")
        if "campaigns" in data:
            data["campaigns"] = request.data.getlist("campaigns")  # type: ignore[union-attr]
        audience, job = outside.upload(self.access, *uploaded_file(request), data)
        return self._started(audience, job)

    @extend_schema(
        request=shape(
            "AudienceFromTable",
            table=str,
            source=maybe(str),
            id_type=str,
            encryption=maybe(str),
            drop_bad=maybe(bool),
            **OF_AN_AUDIENCE,
        ),
        responses=_COMPUTED,
    )
    @action(detail=False, methods=["post"], url_path="from-table")
    def from_table(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of a table with the one column `user_unique_id`: `source`, `table`, `id_type`, `drop_bad` …"""
        return self._started(*outside.from_table(self.access, body(request)))

    @extend_schema(
        request=shape(
            "AudienceCombination",
            inputs=[COMBINED_WITH],
            save_ids=maybe([str]),
            operators=[str],
            ids_from=maybe(int),
            **OF_AN_AUDIENCE,
        ),
        responses={201: AudienceSerializer},
    )
    @action(detail=False, methods=["post"])
    def combine(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience from two or three others: `inputs` and `operators`, applied from left to right."""
        return self._fresh(combining.create(self.access, body(request)), status=201)

    @extend_schema(
        request={"multipart/form-data": shape("AudienceFile", file=serializers.FileField())},
        responses=_COMPUTED,
    )
    @action(detail=True, methods=["post"], url_path="file", parser_classes=[MultiPartParser])
    def replace_file(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another file (multipart) for an uploaded audience."""
        audience = self.get_object()
        return self._started(audience, outside.replace_file(self.access, audience, *uploaded_file(request)))

    @extend_schema(
        request=shape("ExplainPerson", id=str),
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "Conditions, true or false"),
    )
    @action(detail=True, methods=["post"])
    def explain(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Why the person with the identifier `id` is in the audience, or not."""
        audience = self.get_object()
        given = str(body(request).get("id") or "")
        return Response(explaining.explain(self.access, audience, given).as_json())

    def _started(self, audience: Audience, job: Job) -> Response:
        """The audience with the job that computes it."""
        answer = self._fresh(audience, status=202)
        answer.data = {**answer.data, **accepted(job).data}
        return answer

    @extend_schema(
        request=RuleSerializer,
        responses=shape("RuleCounts", count=int, conditions=[dict], groups=[dict], elapsed_ms=int),
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Count a rule: in total and for each condition, without storing anything."""
        data = body(request)
        return Response(
            counting.preview_counts(self.access, data.get("rule"), token=str(data.get("token") or "")[:64])
        )

    @extend_schema(
        request=RuleSerializer,
        responses=shape(
            "RuleMembers", count=int, columns=[shape("RuleColumn", key=str, label=str)], rows=[[Any]]
        ),
    )
    @action(detail=False, methods=["post"], url_path="preview-members")
    def preview_members(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Up to 100 people of a rule with their tag values."""
        return Response(counting.preview_members(self.access, body(request).get("rule")))

    @extend_schema(request=RuleSerializer, responses=shape("RuleSteps", count=int, groups=[dict]))
    @action(detail=False, methods=["post"])
    def steps(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many people each condition of a rule leaves over, group by group."""
        data = body(request)
        token = str(data.get("token") or "")[:64]
        return Response(counting.preview_steps(self.access, data.get("rule"), token=token))

    @extend_schema(request=RuleSerializer, responses=RULE_SUMMARY)
    @action(detail=False, methods=["post"])
    def summary(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The rule in words, in the asking person's language."""
        rule = checked_rule(self.access, body(request).get("rule"))
        return Response(wording.summary(self.access.workspace, rule))

    @extend_schema(
        request=RuleSerializer,
        responses=shape(
            "RuleIds",
            results=[
                shape(
                    "RuleId",
                    id_type=str,
                    label=str,
                    dataset=str,
                    dataset_name=str,
                    column=str,
                    encryption=str,
                    fill_rate=nullable(float),
                    identifier=bool,
                )
            ],
            source=str,
        ),
    )
    @action(detail=False, methods=["post"], url_path="id-types")
    def id_types(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The IDs that an audience of this rule can save, and the data source that it would live in."""
        catalog = WorkspaceCatalog(self.workspace, access=self.access)
        rule = checked_rule(self.access, body(request).get("rule"), catalog=catalog)
        return Response({"results": identities.offered_ids(rule, catalog), "source": catalog.source})

    @extend_schema(
        responses=shape(
            "RuleStarters", results=[shape("RuleStarter", key=str, title=str, description=str, rule=dict)]
        )
    )
    @action(detail=False, url_path="rule-starters", pagination_class=None, filter_backends=[])
    def rule_starters(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Common questions as rules for this workspace's datasets: key, title, description, rule."""
        return Response({"results": [item.as_json() for item in starters.offered(self.access)]})

    @extend_schema(request=shape("AudienceRefresh", **_REFRESH), responses=STARTED)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute the audience again; `{"snapshot": true}` keeps the version that is replaced.

        `{"datasets_first": true}` refreshes the datasets that it reads before it.
        """
        return accepted(refreshing.refresh(self.access, self.get_object(), **refresh_options(body(request))))

    @extend_schema(
        operation_id="workspaces_audiences_refresh_many",
        request=shape("AudiencesRefresh", audiences=[str], **_REFRESH),
        responses={
            202: shape(
                "AudiencesRefreshed",
                started=[shape("AudienceRefreshed", audience=str, job=shape("JobId", id=str))],
                refused=[REFUSED],
            )
        },
    )
    @action(detail=False, methods=["post"], url_path="refresh")
    def refresh_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refresh several: `{"audiences": [...]}`, with the options of one; a refusal does not stop the others."""
        data = body(request)
        options = refresh_options(data)
        rows = [visibility.get_visible(self.access, key) for key in chosen(data)]
        started, refused = refreshing.refresh_many(self.access, rows, **options)
        return Response(
            {
                "started": [{"audience": row.pk, "job": {"id": job.pk}} for row, job in started],
                "refused": [
                    {"audience": row.pk, "code": error.code, "detail": str(error)} for row, error in refused
                ],
            },
            status=202,
        )

    @extend_schema(parameters=[*_AS_OF, *PAGE], responses=PAGE_OF_ROWS)
    @action(detail=True)
    def members(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The members in order of identifier; IDs are masked without the right `privacy.unmask`.

        `as_of`, a day or a time, asks for those of then; `version` for those of one version.
        """
        version = past.wanted(self.get_object(), request.query_params)
        assert self.paginator is not None
        self.paginator.paginate_queryset(range(version.count), request, view=self)
        page = self.paginator.page  # type: ignore[attr-defined]
        size = page.paginator.per_page
        rows = members.page(self.access, version, offset=(page.number - 1) * size, size=size)
        return self.get_paginated_response(rows)

    @extend_schema(parameters=[*_AS_OF, *_CSV], responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True)
    def export(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """All members as CSV; `as_of` and `version` as for the members.

        `bom=1` marks it for Excel, `gzip=1` compresses it, `header=0` leaves the first line out.
        """
        audience, options = self.get_object(), CsvOptions.of(request.query_params)
        version = past.wanted(audience, request.query_params)
        pieces = members.export(self.access, audience, version, options)
        return csv_response(
            request._request, pieces, members.file_name(audience.name, version.count, options)
        )

    @extend_schema(responses=AudienceVersionSerializer(many=True))
    @action(detail=True)
    def versions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The versions, newest first, with who joined and left."""
        rows: Any = self.paginate_queryset(self.get_object().versions.all())
        return self.get_paginated_response(AudienceVersionSerializer(rows, many=True).data)

    @extend_schema(methods=["get"], responses=SnapshotSerializer(many=True))
    @extend_schema(
        methods=["post"],
        request=shape("NewSnapshot", version=maybe(int)),
        responses={201: SnapshotSerializer},
    )
    @action(detail=True, methods=["get", "post"])
    def snapshots(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The snapshots; POST keeps the present version as one, or that of the `version` in the body."""
        audience = self.get_object()
        if request.method == "POST":
            number = body(request).get("version")
            taken = snapshots.take(self.access, audience, number)
            return Response(SnapshotSerializer(taken).data, status=201)
        rows: Any = self.paginate_queryset(audience.versions.filter(is_snapshot=True))
        return self.get_paginated_response(SnapshotSerializer(rows, many=True).data)

    @extend_schema(responses=SnapshotSerializer)
    @action(detail=True, methods=["get", "delete"], url_path=r"snapshots/(?P<snapshot>[^/]+)")
    def snapshot(self, request: Request, snapshot: str, *args: Any, **kwargs: Any) -> Response:
        """One snapshot, by ID or name."""
        audience = self.get_object()
        found = snapshots.get(audience, snapshot)
        if request.method == "DELETE":
            snapshots.delete(self.access, audience, found)
            return Response(status=204)
        return Response(SnapshotSerializer(found).data)

    @extend_schema(parameters=_CSV, responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, url_path=r"snapshots/(?P<snapshot>[^/]+)/export")
    def snapshot_export(self, request: Request, snapshot: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The members of a snapshot as CSV; `bom`, `gzip` and `header` as for all members."""
        audience, options = self.get_object(), CsvOptions.of(request.query_params)
        found = snapshots.get(audience, snapshot)
        pieces = members.export(self.access, audience, found, options)
        name = members.file_name(found.snapshot_name, found.count, options)
        return csv_response(request._request, pieces, name)

    @extend_schema(request=AudienceInput(partial=True), responses={201: AudienceSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A copy of one's own; fields in the body replace those of the original."""
        return self._fresh(services.copy(self.access, self.get_object(), body(request)), status=201)

    @extend_schema(
        responses=shape(
            "AudienceLineage",
            made_from=[MADE_FROM],
            used_by=[shape("UsedBy", kind=str, name=str, url=str, blocks=bool)],
        )
    )
    @action(detail=True)
    def lineage(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the audience is made from, and what uses it."""
        return Response(lineage.of(self.get_object()).as_json())

    @extend_schema(request=shape("AudiencesMove", audiences=[str], folder=nullable(str)), responses=MOVED)
    @action(detail=False, methods=["post"])
    def move(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put audiences into a folder: `{"audiences": [...], "folder": "fld_…" or null}`."""
        data = body(request)
        rows = [visibility.get_visible(self.access, key) for key in chosen(data)]
        folder = folders.find(self.workspace, data.get("folder"))
        return Response({"moved": services.move(self.access, rows, folder)})
