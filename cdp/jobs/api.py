"""REST API of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.schema import shape
from cdp.jobs import services
from cdp.jobs.models import Job


class JobSerializer(serializers.Serializer[Job]):
    """A job as clients see it."""

    id = serializers.CharField()
    kind = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Job.Status.choices)
    progress = serializers.IntegerField(help_text="0-100")
    phase = serializers.CharField()
    done = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    result = serializers.JSONField()
    error = serializers.JSONField()
    subject = serializers.JSONField()
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Job) -> dict[str, Any]:
        return instance.for_page()


def started(component: str, **more: Any) -> dict[int, Any]:
    """What `accepted` answers, for the schema."""
    return {202: shape(component, job=JobSerializer, **more)}


STARTED = started("Started")


class JobFilter(django_filters.FilterSet):
    subject = django_filters.CharFilter(field_name="subject_id")

    class Meta:
        model = Job
        fields = ["status", "kind", "owner"]


class JobViewSet(WorkspaceViewSet):
    """Long work of the workspace."""

    model = Job
    serializer_class = JobSerializer
    filterset_class = JobFilter
    search_fields = ["title", "kind"]
    ordering_fields = ["created_at", "finished_at", "status"]
    required_permission = {
        "list": "jobs.view",
        "retrieve": "jobs.view",
        "log": "jobs.view",
        "cancel": "jobs.view",
        "retry": "jobs.view",
    }

    @extend_schema(responses=shape("JobLogLine", at=datetime, level=str, text=str)(many=True))
    @action(detail=True, pagination_class=None)
    def log(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        job = self.get_object()
        return Response(job.log_for(technical=services.looks_after(job, self.access)))

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        job = self.get_object()
        services.check_owner(job, self.access)
        return Response(services.cancel_job(job, self.access).for_page())

    @extend_schema(request=None, responses=STARTED)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        job = self.get_object()
        services.check_owner(job, self.access)
        return accepted(services.retry_job(job, self.access))
