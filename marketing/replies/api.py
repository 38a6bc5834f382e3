"""REST API of replies."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet
from cdp.core.schema import nullable, shape
from marketing.content.models import Template
from marketing.replies import services
from marketing.replies.filters import ReplyFilter
from marketing.replies.models import InboundMessage


class ReplySerializer(serializers.ModelSerializer[InboundMessage]):
    """An SMS that came in. Of its number the last four digits are shown."""

    signature = serializers.CharField(source="signature_text", read_only=True)
    state = serializers.ChoiceField(choices=["unread", "read", "answered"], read_only=True)

    class Meta:
        model = InboundMessage
        fields = [
            "id",
            "provider",
            "signature",
            "last_digits",
            "text",
            "unsubscribes",
            "send_out",
            "received_at",
            "state",
            "read_at",
            "answer",
        ]
        read_only_fields = fields


class ChosenRepliesSerializer(serializers.Serializer[Any]):
    replies = serializers.ListField(child=serializers.CharField(), min_length=1, max_length=services.MOST)


class ReplyAnswerSerializer(ChosenRepliesSerializer):
    template = serializers.CharField()


class ReplyViewSet(WorkspaceViewSet):
    """What people answered to SMS."""

    model = InboundMessage
    serializer_class = ReplySerializer
    filterset_class = ReplyFilter
    search_fields = ["text", "last_digits"]
    ordering_fields = ["received_at"]
    required_permission = {"*": "marketing.sms.view"}

    @extend_schema(request=ChosenRepliesSerializer, responses=shape("RepliesRead", read=int))
    @action(detail=False, methods=["post"])
    def read(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Mark as read: {"replies": ["inb_…"]}."""
        given = ChosenRepliesSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        rows = services.chosen(self.access, given.validated_data["replies"])
        return Response({"read": services.mark_read(self.access, rows)})

    @extend_schema(
        request=ReplyAnswerSerializer,
        responses={
            202: shape(
                "RepliesAnswered",
                send_outs=[shape("ReplySendOut", id=str, name=str, signature=nullable(str))],
            )
        },
    )
    @action(detail=False, methods=["post"], url_path="answer")
    def write_back(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One SMS to each number, by a template: {"replies": ["inb_…"], "template": "tpl_…"}."""
        given = ReplyAnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        rows = services.chosen(self.access, given.validated_data["replies"])
        template = Template.objects.get_in(self.workspace, given.validated_data["template"])
        made = services.answer(self.access, rows, template)
        found = [{"id": row.pk, "name": row.name, "signature": row.signature_id} for row in made]
        return Response({"send_outs": found}, status=202)
