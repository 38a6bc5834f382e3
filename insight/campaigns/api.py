"""REST API of campaigns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core import timezones
from cdp.core.api import WorkspaceViewSet, json_object
from cdp.core.errors import NotFound, ValidationFailed
from cdp.core.schema import extended, nullable, shape
from insight.campaigns import granting, links, outcome, queries, rights, services
from insight.campaigns.models import Campaign, CampaignGrant


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign. `state` is that of today in the workspace's time zone.

    `audiences` and `tasks` say how many belong to it; a main one has none.
    """

    state = serializers.SerializerMethodField()
    audiences = serializers.IntegerField(read_only=True, default=0)
    tasks = serializers.IntegerField(read_only=True, default=0)
    parent = serializers.CharField(source="parent_id", allow_null=True, required=False)  # type: ignore[assignment]
    owner = serializers.CharField(source="owner.username", default=None)

    class Meta:
        model = Campaign
        fields = [
            *("id", "name", "code", "is_main", "parent", "starts", "ends", "state", "type", "description"),
            *("budget", "budget_currency", "goal", "goal_currency", "owner", "audiences", "tasks"),
            *("created_at", "updated_at"),
        ]

    def get_state(self, campaign: Campaign) -> str:
        return str(campaign.state_on(timezones.today(self.context["view"].workspace)))


class CampaignGrantSerializer(serializers.ModelSerializer[CampaignGrant]):
    user = serializers.CharField(source="user.username", default=None)
    role = serializers.CharField(source="role.code", default=None)
    group = serializers.CharField(source="group_id", default=None)
    expired = serializers.BooleanField(read_only=True)

    class Meta:
        model = CampaignGrant
        fields = ["id", "user", "role", "group", "right", "expires_at", "expired", "created_at"]


_MANY_GRANTS = extended("ManyCampaignGrants", CampaignGrantSerializer, campaigns=[str])
_COMMON_GRANT = shape(
    "CommonGrant",
    id=[str],
    user=nullable(str),
    role=nullable(str),
    group=nullable(str),
    right=str,
    expires_at=nullable(datetime),
    expired=bool,
    differs=bool,
    created_at=datetime,
)
_OUTCOME = shape(
    "CampaignOutcome",
    links=dict,
    results=dict,
    days=int,
    days_passed=int,
    budget_each=nullable(str),
    goal_each=nullable(str),
    tasks=int,
    revenue=nullable(str),
    revenue_unknown=int,
    costs=dict,
    cost_unknown=int,
    goal_share=nullable(float),
    budget_share=nullable(float),
)


class CampaignViewSet(WorkspaceViewSet):
    """Campaigns: main ones hold others; audiences and tasks belong to the others."""

    model = Campaign
    serializer_class = CampaignSerializer
    search_fields = ["name", "code", "type"]
    ordering_fields = ["name", "starts", "ends", "updated_at"]
    filterset_fields = ["is_main", "parent", "type"]
    required_permission = {"create": rights.CREATE, "*": rights.SEE}

    def permission_point(self) -> str:
        point = super().permission_point()
        return rights.CREATE if self.access.can(rights.CREATE) else point

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Campaign.objects.none()
        rows = queries.with_counts(rights.visible(self.access).select_related("owner", "parent", "workspace"))
        # Counting drops the order that campaigns have by themselves.
        rows = rows.order_by("starts", "name", "pk")
        given = self.request.query_params
        state = given.get("state", "")
        if state and self.action == "list":
            if state not in Campaign.State.values:
                names = ", ".join(Campaign.State.values)
                raise ValidationFailed(errors={"state": [_("Choose one of %(types)s.") % {"types": names}]})
            rows = rows.filter(queries.in_state(state, timezones.today(self.workspace)))
        for name, lookup in (("from", "ends__gte"), ("to", "starts__lte")):
            if given.get(name) and self.action == "list":
                rows = rows.filter(**{lookup: _day(given[name], name)})
        return rows

    @extend_schema(
        parameters=[
            OpenApiParameter("from", date, description="Campaigns that are not over by then."),
            OpenApiParameter("to", date, description="Campaigns that have begun by then."),
            OpenApiParameter("state", str, enum=Campaign.State.values, description="As of today."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Campaigns that the person may see; `from` and `to` choose those that touch a span of days."""
        return super().list(request, *args, **kwargs)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`name`, `code`, `starts`, `ends`, and optionally the other fields; `is_main` is fixed from then on."""
        return self.counted(services.create(self.access, json_object(request)), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some fields."""
        campaign = self.get_object()
        self.check_etag(campaign)
        return self.counted(services.update(self.access, campaign, json_object(request)))

    def counted(self, campaign: Campaign, *, status: int = 200) -> Response:
        """The campaign as it is now, with what belongs to it counted."""
        rows = queries.with_counts(Campaign.objects.in_workspace(self.workspace).select_related("owner"))
        return self.answer(rows.get(pk=campaign.pk), status=status)

    @extend_schema(responses=shape("CampaignTypes", results=[str]))
    @action(detail=False, filter_backends=[], pagination_class=None)
    def types(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The types that campaigns of the workspace have: {"results": ["festival", …]}."""
        return Response({"results": services.types(self.access)})

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Campaigns below a main one become independent; audiences and tasks stay."""
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(responses=_OUTCOME)
    @action(detail=True)
    def links(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What belongs to the campaign, by kind: id, name, state, people; and the sums of the tasks' figures.

        A main campaign has no links; its sums are those of the campaigns below it. `budget_each` and `goal_each` are
        budget and goal per person reached. `revenue` (as in the data, without a currency) and `costs` by currency are
        null and empty where they are known of no task; `revenue_unknown` and `cost_unknown` say of how many of the
        `tasks` that were sent they are not. `goal_share` and `budget_share` are what is reached of goal and budget.
        """
        campaign = self.get_object()
        parts = links.belongings(self.access, campaign)
        reached = outcome.of(self.access, campaign, timezones.today(self.workspace))
        found = {
            kind.key: [
                {
                    "id": row.id,
                    "name": row.name,
                    "state": row.state_key,
                    "people": row.people,
                    **row.results,
                    **({"group": str(row.group)} if kind.groups else {}),
                    **(_money_of(row) if kind.has_money else {}),
                }
                for row in rows
            ]
            for kind, rows in parts
        }
        each = {"budget_each": reached.budget_each, "goal_each": reached.goal_each}
        plan = {name: _text(amount) for name, amount in each.items()}
        days = {"days": reached.days, "days_passed": reached.passed}
        spent = reached.money
        sums = {
            "tasks": spent.tasks,
            "revenue": _text(spent.revenue),
            "revenue_unknown": spent.revenue_unknown,
            "costs": {currency: str(amount) for currency, amount in spent.costs.items()},
            "cost_unknown": spent.cost_unknown,
            "goal_share": reached.goal_share,
            "budget_share": reached.budget_share,
        }
        return Response({"links": found, "results": reached.results, **days, **plan, **sums})

    @extend_schema(
        operation_id="workspaces_campaigns_common_grants_list",
        methods=["get"],
        parameters=[OpenApiParameter("campaign", str, many=True, description="IDs; repeat it for several.")],
        responses=shape("CommonGrants", results=[_COMMON_GRANT]),
    )
    @extend_schema(
        operation_id="workspaces_campaigns_common_grants_create",
        methods=["post"],
        request=_MANY_GRANTS,
        responses={201: shape("CampaignGrants", results=[CampaignGrantSerializer])},
    )
    @action(
        detail=False, methods=["get", "post"], url_path="grants", filter_backends=[], pagination_class=None
    )
    def common_grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Several campaigns at once: `?campaign=…&campaign=…` lists the grants that all of them have; `differs` says
        that these do not end at the same time. POST with `campaigns` and what a single grant takes gives it on all of
        them, or on none.
        """
        if request.method == "POST":
            data = json_object(request)
            chosen = self.chosen(data.pop("campaigns", None), "campaigns")
            rows = granting.grant(self.access, chosen, data)
            return Response({"results": CampaignGrantSerializer(rows, many=True).data}, status=201)
        chosen = self.chosen(request.query_params.getlist("campaign"), "campaign")
        found = [
            {
                **CampaignGrantSerializer(item["rows"][0]).data,
                "expires_at": None if item["differs"] else item["expires_at"],
                "differs": item["differs"],
                "id": [row.pk for row in item["rows"]],
            }
            for item in granting.common(chosen)
        ]
        return Response({"results": found})

    def chosen(self, given: Any, path: str) -> list[Campaign]:
        """The campaigns of a list of IDs, all of which the person may share."""
        if not isinstance(given, list) or not given:
            raise ValidationFailed(errors={path: [_("Give a list of IDs of campaigns.")]})
        rows = [rights.get_visible(self.access, key) for key in dict.fromkeys(map(str, given))]
        for row in rows:
            rights.check_grant(self.access, row)
        return rows

    @extend_schema(methods=["get"], responses=CampaignGrantSerializer(many=True))
    @extend_schema(
        methods=["post"], request=CampaignGrantSerializer, responses={201: CampaignGrantSerializer}
    )
    @action(detail=True, methods=["get", "post"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who may use or manage the campaign; POST `user` or `role`, `right`, `expires_at` lets somebody in."""
        campaign = self.get_object()
        rights.check_grant(self.access, campaign)
        if request.method == "POST":
            row = granting.grant(self.access, [campaign], json_object(request))[0]
            return Response(CampaignGrantSerializer(row).data, status=201)
        rows: Any = self.paginate_queryset(campaign.grants.select_related("user", "role", "group"))
        return self.get_paginated_response(CampaignGrantSerializer(rows, many=True).data)

    @action(detail=True, methods=["delete"], url_path=r"grants/(?P<grant>[^/]+)")
    def grant(self, request: Request, grant: str, *args: Any, **kwargs: Any) -> Response:
        """Take a grant back."""
        row = (
            self.get_object()
            .grants.select_related("campaign", "user", "role", "group")
            .filter(pk=grant)
            .first()
        )
        if row is None:
            raise NotFound(_("There is no such grant."))
        granting.revoke(self.access, [row])
        return Response(status=204)


def _money_of(row: links.Linked) -> dict[str, Any]:
    return {
        "revenue": _text(row.revenue),
        "cost": _text(row.cost),
        "currency": row.currency,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationFailed(errors={name: [_("Give a day such as 2026-01-31.")]}) from None
