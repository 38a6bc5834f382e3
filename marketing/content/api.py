"""REST API of templates and signatures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core import where_used
from cdp.core.api import WorkspaceViewSet
from cdp.core.errors import ValidationFailed
from cdp.core.schema import USES, extended, maybe, shape
from marketing.channels.models import ORDINARY, Provider
from marketing.content import (
    dark_mail,
    defaults,
    link_check,
    mail_checks,
    mail_score,
    rendering,
    reviews,
    services,
    signatures,
    sms_length,
    versions,
)
from marketing.content.models import Signature, Template, TemplateReview, TemplateVersion


class TemplateReviewSerializer(serializers.ModelSerializer[TemplateReview]):
    class Meta:
        model = TemplateReview
        fields = [
            "provider",
            "edit_version",
            "remote_code",
            "state",
            "reason",
            "carriers",
            "valid_until",
            "submitted_at",
        ]


class TemplateVersionSerializer(serializers.ModelSerializer[TemplateVersion]):
    class Meta:
        model = TemplateVersion
        fields = ["number", "saved_at", "saved_by", "changed", "restored_from"]


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """A message with variables `${name}`."""

    channel = serializers.ChoiceField(choices=ORDINARY)
    design = serializers.JSONField(required=False)
    parts = serializers.JSONField(
        required=False,
        help_text="Of a digital SMS: texts, and materials of the library, one below the other.",
    )
    signature = serializers.CharField(
        source="signature_id", required=False, allow_null=True, help_text="Of a digital SMS."
    )
    push = serializers.JSONField(required=False)
    defaults = serializers.JSONField(
        required=False,
        help_text="By variable type (text, number, date) and value, for people without a value.",
    )
    variables = serializers.ListField(child=serializers.CharField(), read_only=True)
    reviews = TemplateReviewSerializer(many=True, read_only=True)

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
            "parts",
            "signature",
            "note",
            "push",
            "defaults",
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

    def _values(self, given: Any) -> dict[str, Any]:
        """Validated data with the signature of this workspace."""
        values = dict(given)
        key = values.pop("signature_id", None)
        if "signature_id" in given:
            values["signature"] = (
                key and Signature.objects.in_workspace(self.workspace).filter(pk=key).first()
            )
            if key and values["signature"] is None:
                message = _("There is nothing with this ID in the workspace.")
                raise ValidationFailed(errors={"signature": [message]})
        return values

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = self._values(data.validated_data)
        return self.answer(services.create_template(self.access, values.pop("channel"), values), status=201)

    @extend_schema(responses={200: TemplateSerializer, 201: TemplateSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        template = self.get_object()
        self.check_etag(template)
        data = self.get_serializer(template, data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        values = self._values(data.validated_data)
        values.pop("channel", None)
        changed = services.update_template(self.access, template, values)
        # The words of an approved mail stay: the answer is a new template.
        return self.answer(changed, status=200 if changed.pk == template.pk else 201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_template(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(
        request=shape("TemplateValues", values=maybe(dict)),
        responses=shape(
            "TemplatePreview", subject=str, html=str, dark=str, text=str, characters=int, parts=int
        ),
    )
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The template filled with the given values, or else its defaults: {"values": {"name": "text"}}.

        `dark`: its HTML as mail programs with a dark look show it.
        """
        template = self.get_object()
        given = {str(key): str(value) for key, value in (request.data.get("values") or {}).items()}
        values = {**defaults.texts(template.defaults), **given}
        text = rendering.fill(template.text, values)
        html = rendering.fill(template.html, values, escape=True)
        length = sms_length.measure(text)
        return Response(
            {
                "subject": rendering.fill(template.subject, values),
                "html": html,
                "dark": dark_mail.shown(html),
                "text": text or rendering.plain_text(html),
                "characters": length.characters,
                "parts": length.parts,
            }
        )

    @extend_schema(responses=USES)
    @action(detail=True, methods=["get"])
    def uses(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send-outs of the template: {"uses": [{"kind", "id", "name", "state"}]}."""
        return Response(where_used.as_json(self.access, self.get_object()))

    @extend_schema(
        responses=TemplateVersionSerializer(many=True), operation_id="workspaces_templates_versions_list"
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def versions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The versions that are kept, the latest first, with what each changed."""
        return Response(TemplateVersionSerializer(versions.history(self.get_object()), many=True).data)

    @extend_schema(responses=extended("WholeTemplateVersion", TemplateVersionSerializer, content=dict))
    @action(detail=True, methods=["get"], url_path=r"versions/(?P<number>[0-9]{1,9})")
    def version(self, request: Request, number: str, *args: Any, **kwargs: Any) -> Response:
        """One version with all its fields as `content`."""
        found = versions.get(self.get_object(), int(number))
        return Response({**TemplateVersionSerializer(found).data, "content": found.content})

    @extend_schema(request=None, responses={200: TemplateSerializer, 201: TemplateSerializer})
    @action(detail=True, methods=["post"], url_path=r"versions/(?P<number>[0-9]{1,9})/restore")
    def restore(self, request: Request, number: str, *args: Any, **kwargs: Any) -> Response:
        """Bring a version back as a new one; of an approved mail the answer is a new template."""
        template = self.get_object()
        self.check_etag(template)
        restored = services.restore(self.access, template, versions.get(template, int(number)))
        return self.answer(restored, status=200 if restored.pk == template.pk else 201)

    @extend_schema(responses=shape("MailCheck", level=str, code=str, text=str)(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def checks(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What to look at before the mail goes out: [{"level", "code", "text"}]. None of it keeps it from leaving."""
        return Response([asdict(row) for row in mail_checks.of(self.get_object())])

    @extend_schema(
        responses=shape(
            "MailScore",
            points=float,
            level=str,
            rules=[shape("MailScoreRule", code=str, points=float, text=str)],
        )
    )
    @action(detail=True, methods=["get"])
    def score(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How much of the mail looks like spam: {"points", "level", "rules": [{"code", "points", "text"}]}."""
        return Response(asdict(mail_score.of(self.get_object())))

    @extend_schema(request=None, responses=shape("LinkCheck", url=str, state=str, text=str)(many=True))
    @action(detail=True, methods=["post"], url_path="check-links", pagination_class=None)
    def check_links(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the addresses in the mail now: [{"url", "state", "text"}], broken ones first."""
        return Response([asdict(row) for row in link_check.check(self.get_object())])

    @extend_schema(
        request=shape("TemplateSubmit", provider=maybe(str), providers=maybe([str])),
        responses=PolymorphicProxySerializer(
            "TemplateSubmitted",
            [
                TemplateReviewSerializer,
                shape("TemplateReviews", reviews=[TemplateReviewSerializer], failed=dict),
            ],
            None,
        ),
    )
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it to a platform for review: {"provider": "prv_…"}; to several: {"providers": […]}.

        Several answer {"reviews", "failed": {provider: reason}}: one that refuses does not keep it from the others.
        """
        if "providers" in request.data:
            return self._submit_to_all(request.data["providers"])
        provider = Provider.objects.get_in(self.workspace, str(request.data.get("provider", "")))
        return Response(
            TemplateReviewSerializer(
                services.submit_for_review(self.access, self.get_object(), provider)
            ).data
        )

    def _submit_to_all(self, keys: Any) -> Response:
        if not isinstance(keys, list) or not keys:
            message = _("Give a list of providers.")
            raise ValidationFailed(message, errors={"providers": [message]})
        providers = [Provider.objects.get_in(self.workspace, key) for key in dict.fromkeys(map(str, keys))]
        made, failed = services.submit_to_all(self.access, self.get_object(), providers)
        return Response({"reviews": TemplateReviewSerializer(made, many=True).data, "failed": failed})


class SignatureSerializer(serializers.ModelSerializer[Signature]):
    """With `source` it is new, and sent in for review; of `proofs` only the names are told."""

    proofs = serializers.SlugRelatedField(many=True, read_only=True, slug_field="name")

    class Meta:
        model = Signature
        fields = ["id", "provider", "text", "source", "note", "state", "reason", "proofs", "created_at"]
        read_only_fields = ["id", "state", "reason", "created_at"]


class SignatureAgainSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(required=False)
    source = serializers.CharField(required=False)
    note = serializers.CharField(required=False)
    proofs = serializers.ListField(child=serializers.FileField(), required=False)


class NewSignatureSerializer(SignatureAgainSerializer):
    provider = serializers.CharField()
    text = serializers.CharField()


class SignatureViewSet(WorkspaceViewSet):
    """SMS signatures of the workspace."""

    model = Signature
    parser_classes = (JSONParser, MultiPartParser)
    serializer_class = SignatureSerializer
    filterset_fields = ["provider", "state"]
    search_fields = ["text"]
    ordering_fields = ["text", "created_at"]
    required_permission = {"*": "marketing.content.manage"}

    @extend_schema(
        request={"application/json": NewSignatureSerializer, "multipart/form-data": NewSignatureSerializer}
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """With `source`, `note` and files in `proofs` (multipart) it is new and goes to review."""
        provider = Provider.objects.get_in(self.workspace, str(request.data.get("provider", "")))
        text = str(request.data.get("text", ""))
        if "source" not in request.data:
            return self.answer(signatures.add(self.access, provider, text), status=201)
        return self.answer(signatures.submit_new(self.access, provider, text, **_proven(request)), status=201)

    @extend_schema(
        request={
            "application/json": SignatureAgainSerializer,
            "multipart/form-data": SignatureAgainSerializer,
        }
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Of a rejected one that was sent in from here: it is sent in again. Files take the place of all before."""
        signature = self.get_object()
        has = {"source": signature.source, "note": signature.note}
        given = {**has, **{name: request.data[name] for name in has if name in request.data}}
        text = request.data.get("text")
        return self.answer(
            signatures.submit_again(
                self.access,
                signature,
                text=None if text is None else str(text),
                source=str(given["source"]),
                note=str(given["note"]),
                proofs=request.FILES.getlist("proofs"),
            )
        )

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        signatures.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(responses=USES)
    @action(detail=True, methods=["get"])
    def uses(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send-outs and digital SMS with it: {"uses": [{"kind", "id", "name", "state"}]}."""
        return Response(where_used.as_json(self.access, self.get_object()))

    @extend_schema(request=None, responses=SignatureSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the platform for the review's state now."""
        return self.answer(reviews.check_signature(self.get_object()))


def _proven(request: Request) -> dict[str, Any]:
    return {
        "source": str(request.data.get("source", "")),
        "note": str(request.data.get("note", "")),
        "proofs": request.FILES.getlist("proofs"),
    }
