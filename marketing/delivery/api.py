"""REST API of send-outs and suppressions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import PermissionDenied, ValidationFailed
from cdp.core.schema import maybe, nullable, shape
from insight.audiences import visibility
from insight.audiences.models import Audience
from insight.audiences.serializers import AUDIENCE_STARTED, OF_AN_AUDIENCE
from insight.audiences.streaming import csv_response
from insight.campaigns import links
from marketing.channels.models import Provider, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery import (
    approval,
    checking,
    contact_policy,
    copying,
    custom_message,
    effect_export,
    ledger,
    own_template,
    queries,
    reach_page,
    reachability,
    receipts,
    result_audience,
    services,
    settling,
    suppressions,
    trial,
)
from marketing.delivery.campaign_links import KIND
from marketing.delivery.composition import Share
from marketing.delivery.models import SendOut, Suppression
from marketing.delivery.safety_api import LEFT, SafetyActions
from marketing.delivery.serializers import (
    ReachSerializer,
    SendOutSerializer,
    SettleSerializer,
    SubmitSerializer,
    SuppressionSerializer,
)
from marketing.delivery.timing_api import TimingActions

CHANNELS = tuple(Provider.Channel.values)
MANY = ("audiences", "exclude")
WORDS = {"text", "digital", "mail"}
"""Words that are given themselves, and become a template."""
REFERENCES = {
    "provider": Provider,
    "sender": SenderAddress,
    "signature": Signature,
    "template": Template,
    "audience": Audience,
}

_NAME = shape("SendOutName", name=maybe(str))
_OF_RECIPIENTS = [OpenApiParameter(name, str) for name in ("person", "state", "reason", "code")]
_RECIPIENT = shape(
    "Recipient",
    id=int,
    send_out=str,
    target_hash=str,
    idempotency_key=str,
    out_id=str,
    provider_message_id=str,
    person=str,
    target=str,
    variant=str,
    state=str,
    state_label=str,
    reason=str,
    reason_label=str,
    code=str,
    code_label=str,
    detail=str,
    handed_at=nullable(datetime),
    reported_at=nullable(datetime),
    opened_at=nullable(datetime),
    clicked_at=nullable(datetime),
    dismissed_at=nullable(datetime),
    unsubscribed_at=nullable(datetime),
    not_before=nullable(datetime),
)


def _body(request: Request) -> dict[str, Any]:
    """The request's JSON object; an empty one where it is something else."""
    return request.data if isinstance(request.data, dict) else {}


def _name(request: Request) -> str:
    name = _body(request).get("name", "")
    return name if isinstance(name, str) else ""


def _variant(send_out: SendOut, letter: Any) -> int:
    """The number of a variant; the first where none is named. Raises ValidationFailed where there is no such one."""
    if not letter:
        return 0
    number = send_out.variant_number(letter)
    if number is None:
        message = _("There is no such variant.")
        raise ValidationFailed(message, errors={"variant": [message]})
    return number


def _several(
    model: Any, workspace: Any, name: str, keys: list[str], errors: dict[str, list[str]]
) -> list[Any]:
    """The objects in the order of their keys; those that are not in the workspace are noted as errors."""
    found = {row.pk: row for row in model.objects.in_workspace(workspace).filter(pk__in=keys)}
    for place, key in enumerate(keys):
        if key not in found:
            errors[f"{name}/{place}"] = [_("There is nothing with this ID in the workspace.")]
    return [found[key] for key in keys if key in found]


def _signature(workspace: Any, key: str, errors: dict[str, list[str]]) -> Signature | None:
    found = Signature.objects.in_workspace(workspace).filter(pk=key).first()
    if found is None:
        errors["digital/signature"] = [_("There is nothing with this ID in the workspace.")]
    return found


def _variants(workspace: Any, given: list[dict[str, Any]], errors: dict[str, list[str]]) -> list[Share]:
    """Each names a template, or has the values of a webhook's parameters."""
    keys = [row["template"] for row in given if "params" not in row]
    templates = iter(_several(Template, workspace, "variants", keys, errors))
    if errors:
        return []
    return [
        Share(custom_message.written(row["params"]) if "params" in row else next(templates), row["share"])
        for row in given
    ]


class SendOutViewSet(SafetyActions, TimingActions, WorkspaceViewSet):
    """Send-outs of the channels that the person may see."""

    model = SendOut
    serializer_class = SendOutSerializer
    filterset_fields = ["channel", "origin", "state", "provider", "audience", "template", "owner", "plan"]
    search_fields = ["name"]
    ordering_fields = ["name", "updated_at", "scheduled_at", "started_at", "state"]
    # What each channel's own point allows is checked below and in the services.
    required_permission = {"*": "workspace.view"}

    def get_queryset(self) -> Any:
        rows = (
            super()
            .get_queryset()
            .select_related("provider", "template", "audience", "sender", "signature")
            .prefetch_related("parts", "variants__template")
        )
        if getattr(self, "swagger_fake_view", False):
            return rows
        rows = links.with_ids(KIND, rows)
        if self.request.query_params.get("waits_for_me") == "true":
            rows = rows.filter(pk__in=approval.waiting_for(self.access).values("pk"))
        return rows.filter(
            channel__in=[name for name in CHANNELS if self.access.can(f"marketing.{name}.view")]
        )

    @extend_schema(parameters=[OpenApiParameter("waits_for_me", bool, description="For an approval.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not any(self.access.can(f"marketing.{name}.view") for name in CHANNELS):
            raise PermissionDenied(point="marketing.email.view")
        return super().list(request, *args, **kwargs)

    def _values(self, data: dict[str, Any]) -> dict[str, Any]:
        """Validated data with the references turned into objects of this workspace."""
        values: dict[str, Any] = {}
        errors: dict[str, list[str]] = {}
        for key, value in data.items():
            name = key.removesuffix("_id")
            if name in MANY:
                values[name] = _several(Audience, self.workspace, name, value, errors)
                continue
            if name == "digital" and "signature" in value:
                value = {**value, "signature": _signature(self.workspace, value["signature"], errors)}
            if name == "variants":
                values[name] = _variants(self.workspace, value, errors)
                continue
            model = REFERENCES.get(name)
            if model is None or value is None:
                values[name] = value
                continue
            found = model.objects.in_workspace(self.workspace).filter(pk=value).first()  # type: ignore[attr-defined]
            if found is None:
                errors[name] = [_("There is nothing with this ID in the workspace.")]
            values[name] = found
        if errors:
            raise ValidationFailed(_("Some fields need another value."), errors=errors)
        return values

    def _with_words(self, has: dict[str, Any], given: dict[str, Any], *, name: str) -> dict[str, Any]:
        """`has` with the template of the words that are given themselves."""
        text, digital, mail = given.get("text", ""), given.get("digital", {}), given.get("mail", {})
        has = {key: value for key, value in has.items() if key not in WORDS}
        has = own_template.with_text(self.access, has, text, name=name)
        has = own_template.with_digital(self.access, has, digital, name=name)
        if mail and has.get("channel", Provider.Channel.EMAIL) == Provider.Channel.EMAIL:
            has = own_template.with_mail(self.access, has, mail, name=name)
        return has

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = self._values(data.validated_data)
        values = self._with_words(values, values, name=values["name"])
        return self.answer(services.create(self.access, values.pop("channel"), values), status=201)

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        send_out = self.get_object()
        self.check_etag(send_out)
        data = self.get_serializer(send_out, data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        values = self._values({key: value for key, value in data.validated_data.items() if key != "channel"})
        if values.keys() & WORDS:
            has = {"template": send_out.template, "provider": send_out.provider, **values}
            has = self._with_words(has, values, name=values.get("name", send_out.name))
            values = {name: has[name] for name in {*values, "template"} - WORDS}
        return self.answer(services.update(self.access, send_out, values))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=SubmitSerializer, responses=LEFT)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send now (202 with the job), or at `scheduled_at` (200): the given time, or else the send-out's own.

        `{"now": true}` sends at once, whatever time was set before.
        """
        given = SubmitSerializer(data=_body(request))
        given.is_valid(raise_exception=True)
        return self.left(services.submit(self.access, self.get_object(), **given.validated_data))

    @extend_schema(
        responses=shape(
            "SendOutCheck",
            name=str,
            channel=str,
            digital=bool,
            purpose=str,
            provider=str,
            sender=str,
            templates=[shape("SendOutCheckTemplate", name=str, review=str, carriers=str)],
            audiences=[str],
            exclude=[str],
            limit=nullable(int),
            holdout=int,
            scheduled_at=nullable(datetime),
            estimate=dict,
            problem=str,
            obstacles=[str],
            warnings=[str],
        )
    )
    @action(detail=True, methods=["get"])
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The send-out as it stands, with estimates of people and SMS, to look at before it is submitted."""
        return Response(checking.summary(self.get_object()))

    @extend_schema(request=None, responses=shape("ReceiptsAsked", asked=int))
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the platform now what became of the messages: {"asked": batches}."""
        return Response({"asked": receipts.ask_now(self.get_object())})

    @extend_schema(request=None, responses=SendOutSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.pause(self.access, self.get_object()))

    @extend_schema(request=None, responses=SendOutSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.resume(self.access, self.get_object()))

    @extend_schema(request=None, responses=SendOutSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.cancel(self.access, self.get_object()))

    @extend_schema(request=_NAME, responses={201: SendOutSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A draft with the same message and audience; `name` is optional."""
        made = copying.copy(self.access, self.get_object(), name=_name(request))
        return self.answer(made, status=201)

    @extend_schema(request=_NAME, responses={201: SendOutSerializer})
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A draft of the same message to exactly those who failed; `name` is optional."""
        made = copying.resend(self.access, self.get_object(), name=_name(request))
        return self.answer(made, status=201)

    @extend_schema(
        request=ReachSerializer,
        responses=shape(
            "ReachCount",
            people=int,
            left_out=int,
            reachable=int,
            id_types=[dict],
            quiet_hours=nullable(dict),
            with_device=maybe(int),
        ),
    )
    @action(detail=False, methods=["post"])
    def reach(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many people audiences would reach: {"people", "left_out", "reachable"}, and by type of ID."""
        given = ReachSerializer(data=_body(request))
        given.is_valid(raise_exception=True)
        channel = given.validated_data["channel"]
        self.access.require(f"marketing.{channel}.create")
        wanted, banned = (
            [
                visibility.get_visible(self.access, key)
                for key in dict.fromkeys(given.validated_data.get(name, []))
            ]
            for name in MANY
        )
        provider = given.validated_data.get("provider", "")
        chosen = given.validated_data.get("id_type", "")
        id_type = reach_page.id_type_of(self.workspace, channel, provider, chosen)
        if id_type is None:
            missing = (
                _("There is nothing with this ID in the workspace.") if provider else _("This is needed.")
            )
            field = "id_type" if channel == Provider.Channel.CUSTOM else "provider"
            raise ValidationFailed(missing, errors={field: [missing]})
        send_out = reachability.planned(
            self.workspace,
            channel,
            **self._message(given.validated_data),
            purpose=given.validated_data["purpose"],
        )
        types = reachability.id_types(self.workspace, channel, wanted, id_type)
        by_type = reachability.count(send_out, wanted, banned, types)
        first = by_type[0]
        found = {
            "people": first.people,
            "left_out": first.left_out,
            "reachable": first.with_id,
            **reachability.as_json(by_type, contact_policy.quiet_now(send_out)),
        }
        devices = reach_page.with_device(self.workspace, provider, wanted, banned, id_type)
        return Response(found if devices is None else {**found, "with_device": devices})

    def _message(self, given: dict[str, Any]) -> dict[str, Any]:
        """Template and signature of a message that is being prepared, where they are named."""
        named = {name: given[name] for name in ("template", "signature") if given.get(name)}
        return self._values(named)

    @extend_schema(
        parameters=[OpenApiParameter("member", int), OpenApiParameter("variant", str)],
        responses=OpenApiResponse(
            OpenApiTypes.OBJECT, "subject, html, text, values, and what the channel has besides"
        ),
    )
    @action(detail=True, methods=["get"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The message as one member of the first audience would get it; `?member=3` takes the fourth, `?variant=B`."""
        number = request.query_params.get("member", "0")
        send_out = self.get_object()
        variant = _variant(send_out, request.query_params.get("variant"))
        return Response(trial.preview(send_out, int(number) if number.isdecimal() else 0, variant=variant))

    @extend_schema(
        request=shape("TestSend", targets=[str], variant=maybe(str)),
        responses=shape("TestSent", sent=[str], failed=dict, calls=maybe([str])),
    )
    @action(detail=True, methods=["post"], url_path="test-send")
    def test_send(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it to up to five targets now: {"targets": ["…"], "variant": "B"}."""
        send_out, targets = self.get_object(), _body(request).get("targets")
        if not isinstance(targets, list):
            message = _("Give a list of targets.")
            raise ValidationFailed(message, errors={"targets": [message]})
        variant = _variant(send_out, _body(request).get("variant"))
        chosen = [str(target) for target in targets]
        return Response(trial.send_test(self.access, send_out, chosen, variant=variant))

    @extend_schema(responses=OpenApiResponse(OpenApiTypes.OBJECT, "Figures"))
    @action(detail=True, methods=["get"])
    def effect(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Counts, rates, reasons, failures, links, the course over time, and how variants and audiences did."""
        return Response(queries.summary(self.get_object()))

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"], url_path="effect/download")
    def effect_download(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The same numbers as CSV."""
        send_out = self.get_object()
        pieces = effect_export.as_csv(self.access, send_out)
        return csv_response(request._request, pieces, f"{send_out.pk}-effect.csv")

    @extend_schema(
        request=shape("ResultAudience", results=[str], **OF_AN_AUDIENCE), responses=AUDIENCE_STARTED
    )
    @action(detail=True, methods=["post"])
    def audience(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make an audience of the people with one of `results`; the rest of the body is that of an upload (202)."""
        send_out, data = self.get_object(), dict(_body(request))
        results = data.pop("results", None)
        if not isinstance(results, list):
            message = _("Give a list of results.")
            raise ValidationFailed(message, errors={"results": [message]})
        made, job = result_audience.make(self.access, send_out, [str(key) for key in results], data)
        return accepted(job, audience={"id": made.pk, "name": made.name})

    @extend_schema(parameters=_OF_RECIPIENTS, responses=_RECIPIENT(many=True))
    @action(detail=True, methods=["get"])
    def recipients(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The ledger, a page at a time; targets are masked without the right to see them."""
        send_out = self.get_object()
        page = self.paginate_queryset(ledger.RecipientFilter(request.query_params, send_out).qs)
        return self.get_paginated_response(ledger.shown(page or [], send_out, self.access))

    @extend_schema(parameters=_OF_RECIPIENTS, responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"], url_path="recipients/download")
    def download(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The same rows as CSV, with the same filters."""
        send_out = self.get_object()
        rows = ledger.RecipientFilter(request.query_params, send_out).qs
        pieces = ledger.export(self.access, send_out, rows)
        return csv_response(request._request, pieces, f"{send_out.pk}.csv")

    @extend_schema(request=SettleSerializer, responses=shape("Settled", settled=int))
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What a person found out about unknown rows: {"recipients": [17], "sent": false}."""
        send_out, data = self.get_object(), SettleSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        given = data.validated_data
        settled = settling.settle(self.access, send_out, given["recipients"], sent=given["sent"])
        return Response({"settled": settled})


class SuppressionViewSet(WorkspaceViewSet):
    """Who must not be written to."""

    model = Suppression
    serializer_class = SuppressionSerializer
    filterset_fields = ["channel", "reason", "signature"]
    search_fields = ["masked"]
    ordering_fields = ["created_at"]
    required_permission = {"*": "marketing.accounts.manage"}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        row = suppressions.add(self.access, data.validated_data["channel"], data.validated_data["target"])
        return self.answer(row, status=201)

    @extend_schema(parameters=[OpenApiParameter("why", str)])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Allow messages again; whoever unsubscribed by a reply needs `?why=` and an administrator."""
        suppressions.remove(self.access, self.get_object(), request.query_params.get("why", ""))
        return Response(status=204)
