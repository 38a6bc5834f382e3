"""REST API of templates and signatures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet
from marketing.channels.models import ORDINARY, Provider
from marketing.content import mail_checks, rendering, reviews, services, signatures
from marketing.content.models import Signature, Template, TemplateReview


class ReviewSerializer(serializers.ModelSerializer[TemplateReview]):
    class Meta:
        model = TemplateReview
        fields = ["provider", "edit_version", "remote_code", "state", "reason", "submitted_at"]


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """A message with variables `${name}`."""

    channel = serializers.ChoiceField(choices=ORDINARY)
    design = serializers.JSONField(required=False)
    push = serializers.JSONField(required=False)
    variables = serializers.ListField(child=serializers.CharField(), read_only=True)
    reviews = ReviewSerializer(many=True, read_only=True)

    class Meta:
        model = Template
        fields = [
            "id",
            "channel",
            "name",
            "purpose",
            "subject",
            "sender_name",
            "html",
            "design",
            "text",
            "push",
            "variables",
            "reviews",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]
        validators: list[Any] = []


class TemplateViewSet(WorkspaceViewSet):
    """Templates of the workspace."""

    model = Template
    serializer_class = TemplateSerializer
    filterset_fields = ["channel", "purpose"]
    search_fields = ["name", "subject", "text"]
    ordering_fields = ["name", "updated_at"]
    required_permission = {"*": "marketing.content.manage"}

    def get_queryset(self) -> Any:
        rows = super().get_queryset().exclude(channel=Provider.Channel.CUSTOM)
        return rows.prefetch_related("reviews")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        return self.answer(services.create_template(self.access, values.pop("channel"), values), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        template = self.get_object()
        self.check_etag(template)
        data = self.get_serializer(template, data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        values = {key: value for key, value in data.validated_data.items() if key != "channel"}
        changed = services.update_template(self.access, template, values)
        # The words of an approved mail stay: the answer is a new template.
        return self.answer(changed, status=200 if changed.pk == template.pk else 201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_template(self.access, self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The template filled with the given values: {"values": {"name": "text"}}."""
        template = self.get_object()
        values = {str(key): str(value) for key, value in (request.data.get("values") or {}).items()}
        text = rendering.fill(template.text, values)
        html = rendering.fill(template.html, values, escape=True)
        length = rendering.sms_length("", text)
        return Response(
            {
                "subject": rendering.fill(template.subject, values),
                "html": html,
                "text": text or rendering.plain_text(html),
                "characters": length.characters,
                "parts": length.parts,
            }
        )

    @action(detail=True, methods=["get"])
    def checks(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What to look at before the mail goes out: [{"level", "code", "text"}]. None of it keeps it from leaving."""
        return Response([asdict(row) for row in mail_checks.of(self.get_object())])

    @action(detail=True, methods=["post"])
    def submit(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it to a platform for review: {"provider": "prv_…"}."""
        provider = Provider.objects.get_in(self.workspace, str(request.data.get("provider", "")))
        return Response(
            ReviewSerializer(services.submit_for_review(self.access, self.get_object(), provider)).data
        )


class SignatureSerializer(serializers.ModelSerializer[Signature]):
    class Meta:
        model = Signature
        fields = ["id", "provider", "text", "state", "reason", "created_at"]
        read_only_fields = ["id", "state", "reason", "created_at"]


class SignatureViewSet(WorkspaceViewSet):
    """SMS signatures of the workspace."""

    model = Signature
    serializer_class = SignatureSerializer
    filterset_fields = ["provider", "state"]
    search_fields = ["text"]
    ordering_fields = ["text", "created_at"]
    required_permission = {"*": "marketing.content.manage"}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        provider = Provider.objects.get_in(self.workspace, str(request.data.get("provider", "")))
        signature = signatures.add(self.access, provider, str(request.data.get("text", "")))
        return self.answer(signature, status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        signatures.delete(self.access, self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the platform for the review's state now."""
        return self.answer(reviews.check_signature(self.get_object()))
