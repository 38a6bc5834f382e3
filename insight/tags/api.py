"""REST API of tags and custom tags."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, WorkspaceViewSet, json_object
from cdp.core.errors import ValidationFailed
from cdp.core.schema import extended, maybe, shape
from cdp.jobs.api import JobSerializer
from insight.datasets import tag_uses
from insight.datasets.models import DatasetField, TagUse
from insight.tags import (
    category_import,
    definition,
    lineage,
    models,
    people,
    profiles,
    ranges,
    rights,
    services,
)
from insight.tags.filters import TagFilter, period_of
from insight.tags.models import CustomTag

TAG_POINTS = {"*": rights.MANAGE}
ANALYSE, OF_AUDIENCES = "insight.analysis", "insight.audience.analysis"


class TagSerializer(serializers.ModelSerializer[DatasetField]):
    """A tag of a dataset with its uses in the period."""

    dataset = serializers.CharField(source="dataset_id", read_only=True)
    dataset_name = serializers.CharField(source="dataset.name", read_only=True)
    type = serializers.CharField(source="tag_type", read_only=True)
    category = serializers.CharField(source="category_id", read_only=True, allow_null=True)
    category_path = serializers.CharField(source="category.path", default="", read_only=True)
    custom_tag = serializers.CharField(source="custom_tag.pk", default=None, read_only=True)
    heat = serializers.SerializerMethodField()
    filled = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text=_("Share of people with a value; null where it is not known."),
    )
    distinct = serializers.IntegerField(source="distinct_values", read_only=True, allow_null=True)
    state = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()

    class Meta:
        model = DatasetField
        fields = [
            *("dataset", "dataset_name", "column", "name", "type", "description", "category"),
            *("category_path", "pivot_enabled", "custom_tag", "heat"),
            *("filled", "distinct", "state", "failure"),
        ]

    def get_state(self, item: DatasetField) -> str:
        return str(models.state(item))

    def get_failure(self, item: DatasetField) -> str:
        return models.failure(item)

    def get_heat(self, item: Any) -> dict[str, int]:
        return {"total": item.uses, **{kind: getattr(item, f"{kind}_uses") for kind in TagUse.Kind.values}}


class TagPoints:
    """Either of the two rights opens the tags; services look at each tag's dataset."""

    required_permission = TAG_POINTS

    def permission_point(self) -> str:
        return rights.page_point(self.access)  # type: ignore[attr-defined]


_PERIOD = OpenApiParameter("period", int, description="7, 30 (default), 60 or 90 days; today is not counted.")


_WHOLE_TAG = extended("WholeTag", TagSerializer, heat=dict, lineage=dict, profile=dict)


class TagViewSet(TagPoints, WorkspaceViewSet):
    """All tags of users over the datasets that the person sees, at most 5,000."""

    model = DatasetField
    serializer_class = TagSerializer
    filterset_class = TagFilter
    search_fields = ["name", "column", "description"]
    ordering_fields = ["name", "uses", "pivot_uses", "selection_uses", "push_uses"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return DatasetField.objects.none()
        days = period_of(self.request.query_params.get("period"))
        rows = profiles.listed(self.access, days)
        return rows.order_by("-uses", "pk")

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset)[: rights.MOST_TAGS]

    @extend_schema(parameters=[_PERIOD])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)


class OverviewView(TagPoints, WorkspaceAPIView):
    @extend_schema(parameters=[_PERIOD], responses=shape("TagOverview", total=int, used=int, unused=int))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many tags there are, and how many of them were used in the period: {"total", "used", "unused"}."""
        days = period_of(request.query_params.get("period"))
        every = tag_uses.with_heat(self.workspace, rights.tags(self.access), days)
        total, used = every.count(), every.filter(uses__gt=0).count()
        return Response({"total": total, "used": used, "unused": total - used})


class TagUsesSerializer(serializers.Serializer[Any]):
    """Tags that somebody has opened by themselves."""

    dataset = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField(), min_length=1, max_length=50)


class UsesView(WorkspaceAPIView):
    required_permission = {"post": ANALYSE}

    def permission_point(self) -> str:
        """Tags are opened in analysis of everybody and in that of audiences: either right will do."""
        return OF_AUDIENCES if self.access.can(OF_AUDIENCES) else super().permission_point()

    @extend_schema(request=TagUsesSerializer, responses={204: None})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Count tags that a person opened in an analysis; those that a page opens with are not to be sent."""
        given = TagUsesSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        dataset = rights.get_dataset(self.access, given.validated_data["dataset"])
        tag_uses.record(self.access, dataset.pk, given.validated_data["tags"], TagUse.Kind.PIVOT)
        return Response(status=204)


class TagView(TagPoints, WorkspaceAPIView):
    @extend_schema(operation_id="tags_retrieve_one", parameters=[_PERIOD], responses=_WHOLE_TAG)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One tag with its uses in all periods, what uses it, and how its values lie."""
        item = self._find(kwargs)
        every = {
            str(days): tag_uses.heat(self.workspace, days, dataset=item.dataset_id, column=item.column)
            for days in tag_uses.PERIODS
        }
        key = (item.dataset_id, item.column)
        return Response(
            {
                **TagSerializer(item).data,
                "heat": {days: found.get(key, tag_uses.Heat()).as_json() for days, found in every.items()},
                "lineage": lineage.of(self.access, item).as_json(),
                "profile": profiles.of(self.access, item).as_json(),
            },
            headers={"ETag": services.etag_of(item)},
        )

    @extend_schema(
        operation_id="tags_change_one",
        request=shape(
            "TagChange",
            name=maybe(str),
            category=serializers.CharField(required=False, allow_null=True),
            description=maybe(str),
            pivot_enabled=maybe(bool),
        ),
        responses=TagSerializer,
    )
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `name`, `category` (an ID or null), `description` or `pivot_enabled`."""
        seen = request.headers.get("If-Match", "").removeprefix("*")
        services.describe(self.access, self._find(kwargs), json_object(request), etag=seen)
        item = self._find(kwargs)
        return Response(TagSerializer(item).data, headers={"ETag": services.etag_of(item)})

    def _find(self, kwargs: dict[str, Any]) -> Any:
        item = rights.get_tag(self.access, kwargs["dataset"], kwargs["column"])
        rows = profiles.listed(self.access, period_of(self.request.query_params.get("period")))
        return rows.get(pk=item.pk)


class CategoryImportView(WorkspaceAPIView):
    required_permission = {"post": rights.MANAGE}
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": shape("TagCategoryFile", file=serializers.FileField())},
        responses=shape("TagCategoryImport", categories=int, tags=int),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Categories, and which tags stand where, from a CSV or Excel file: {"categories": made, "tags": placed}."""
        file = request.FILES.get("file")
        if file is None:
            raise ValidationFailed(errors={"file": [_("Choose a file.")]})
        return Response(category_import.run(self.access, file.name, file.read()))


class CustomTagSerializer(serializers.ModelSerializer[CustomTag]):
    """A custom tag. `failure` says why it could not be computed last."""

    dataset = serializers.CharField(source="field.dataset_id", read_only=True)
    dataset_name = serializers.CharField(source="field.dataset.name", read_only=True)
    id_type = serializers.CharField(source="field.dataset.definition.id_type", read_only=True)
    column = serializers.CharField(source="field.column", read_only=True)
    name = serializers.CharField(source="field.name", read_only=True)
    description = serializers.CharField(source="field.description", read_only=True)
    category = serializers.CharField(source="field.category_id", read_only=True, allow_null=True)
    multi = serializers.SerializerMethodField()
    values = serializers.ListField(child=serializers.DictField(), read_only=True)
    failure = serializers.CharField(read_only=True)

    class Meta:
        model = CustomTag
        fields = [
            *("id", "dataset", "dataset_name", "id_type", "column", "name", "description", "category"),
            *("multi", "values", "rest", "failure", "created_at", "updated_at"),
        ]

    def get_multi(self, tag: CustomTag) -> bool:
        return tag.field.tag_type == DatasetField.TagType.MULTI


_VALUE = shape("CustomTagValue", value=str, remark=maybe(str), rule=dict)


class CustomTagInput(serializers.Serializer[Any]):
    """What a custom tag is given; `field`, `multi`, `dataset_name` and `folder` stay as they were when it was made."""

    name = serializers.CharField(max_length=definition.NAME_LENGTH)
    field = serializers.CharField(required=False)
    description = serializers.CharField(max_length=definition.TEXT_LENGTH, required=False)
    category = serializers.CharField(required=False, allow_null=True)
    multi = serializers.BooleanField(required=False)
    values = _VALUE(many=True)
    rest = serializers.CharField(required=False)
    dataset_name = serializers.CharField(required=False)
    folder = serializers.CharField(required=False)


class CustomTagViewSet(TagPoints, WorkspaceViewSet):
    """Tags whose values are rules, `{"value", "remark", "rule"}`, in the order in which they win."""

    model = CustomTag
    serializer_class = CustomTagSerializer
    search_fields = ["field__name", "field__column"]
    ordering_fields = ["updated_at", "field__name"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return CustomTag.objects.none()
        return rights.custom_tags(self.access)

    @extend_schema(request=CustomTagInput)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.create(self.access, json_object(request)), status=201)

    @extend_schema(request=CustomTagInput)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        tag = self.get_object()
        self.check_etag(tag)
        return self.answer(services.update(self.access, tag, json_object(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(
        request=shape(
            "CustomTagValues", values=[shape("CustomTagRule", value=maybe(str), remark=maybe(str), rule=dict)]
        ),
        responses=shape(
            "CustomTagPreview",
            people=int,
            uncovered=int,
            several=int,
            values=[shape("CustomTagValuePreview", fits=int, gets=int)],
            overlaps=[shape("CustomTagOverlap", first=int, second=int, people=int)],
        ),
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What `values` come to before they are saved: people of each, of several of them, and of none."""
        found, catalog = definition.checked_values(self.access, json_object(request).get("values"))
        return Response(people.preview(found, catalog))

    @extend_schema(
        request=shape("TagRanges", dataset=str, tag=str, bounds=[Any], below=maybe(bool)),
        responses=shape("TagRangeValues", values=[_VALUE]),
    )
    @action(detail=False, methods=["post"])
    def ranges(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Values for the ranges of a number or a date: `{"dataset", "tag", "bounds": [0, 200, 500], "below"}`."""
        data = json_object(request)
        made = ranges.values(
            self.access,
            str(data.get("dataset") or ""),
            str(data.get("tag") or ""),
            data.get("bounds"),
            below=data.get("below") is True,
        )
        return Response({"values": made})

    @extend_schema(
        request=shape("CustomTagsRefresh", tags=[str]),
        responses={202: shape("CustomTagsRefreshed", jobs=[JobSerializer])},
    )
    @action(detail=False, methods=["post"])
    def refresh(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute chosen tags anew: `{"tags": ["ctg_…"]}`; a job for each of their datasets."""
        wanted = json_object(request).get("tags")
        if not isinstance(wanted, list) or not wanted:
            raise ValidationFailed(errors={"tags": [_("A list is needed here.")]})
        tags = [rights.get_custom(self.access, str(key)) for key in dict.fromkeys(map(str, wanted))]
        jobs = services.refresh(self.access, tags)
        return Response({"jobs": JobSerializer(jobs, many=True).data}, status=202)
