"""REST API of accounts and of requests for them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, json_object
from cdp.core.schema import maybe, shape
from marketing.accounts import requests, services
from marketing.accounts.models import Account, AccountRequest
from marketing.accounts.types import type_of
from marketing.channels import services as channels
from marketing.channels.api import ProviderSerializer


class AccountSerializer(serializers.ModelSerializer[Account]):
    """An account. Its secrets are never returned: one that is set shows as dots."""

    as_shown: ClassVar = {"channels": [str], "config": maybe(dict)}
    bound_by = serializers.CharField(source="bound_by.username", default=None)

    class Meta:
        model = Account
        fields = [
            "id",
            "type",
            "name",
            "remote_id",
            "state",
            "error",
            "error_since",
            "apps",
            "bound_by",
            "authorised_at",
            "checked_at",
            "expires_at",
        ]

    def to_representation(self, instance: Account) -> dict[str, Any]:
        found = super().to_representation(instance)
        found["channels"] = list(instance.channels.values_list("provider", flat=True))
        if self.context["view"].access.can(services.MANAGE):
            found["config"] = channels.shown(type_of(instance.type).fields, instance.config)
        return found


# Not “AccountRequest”, which would be the body of an account.
@extend_schema_serializer(component_name="RequestForAccount")
class AccountRequestSerializer(serializers.ModelSerializer[AccountRequest]):
    """A request for an account. What was typed is not returned."""

    requested_by = serializers.CharField(source="requested_by.username", default=None)
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = AccountRequest
        fields = [
            "id",
            "type",
            "name",
            "account",
            "state",
            "remark",
            "requested_by",
            "requested_at",
            "decided_by",
            "decided_at",
        ]


_REMARK = shape("AccountRemark", remark=maybe(str))


class _OfAccounts(WorkspaceViewSet):
    # What only those who look after accounts may do is checked in the services.
    required_permission = {"*": "workspace.view"}

    def check_use(self) -> None:
        self.access.require(services.point_of(self.access))


class AccountViewSet(_OfAccounts):
    """Accounts on platforms that the workspace may use."""

    model = Account
    serializer_class = AccountSerializer
    filterset_fields = ["type", "state"]
    search_fields = ["name", "remote_id"]
    ordering_fields = ["name", "authorised_at"]

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if not getattr(self, "swagger_fake_view", False):
            self.check_use()
        return rows.select_related("bound_by")

    @extend_schema(request=shape("NewAccount", type=str, name=maybe(str), config=dict))
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Authorise an account: {"type", "name", "config"}. Who may only ask for one uses account-requests/."""
        given = json_object(request)
        config = given.get("config") if isinstance(given.get("config"), dict) else {}
        made = services.authorise(self.access, str(given.get("type", "")), given.get("name"), config)
        return self.answer(made, status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=shape("AccountKeys", config=dict), responses=AccountSerializer)
    @action(detail=True, methods=["post"])
    def authorise(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Authorise it again with new keys: {"config"}; secrets given as dots are kept."""
        given = json_object(request).get("config")
        config = given if isinstance(given, dict) else {}
        return self.answer(services.authorise_again(self.access, self.get_object(), config))

    @extend_schema(request=None, responses=AccountSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the platform now: its state and apps afterwards."""
        account = self.get_object()
        services.check_now(self.access, account)
        return self.answer(account)

    @extend_schema(
        request=shape("AccountApp", app=str, name=maybe(str), config=maybe(dict)),
        responses={201: ProviderSerializer},
    )
    @action(detail=True, methods=["post"])
    def apps(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make the channel of an app: {"app", "name", "config"}; the app's key is filled in. Answers the provider."""
        provider = services.add_app(self.access, self.get_object(), json_object(request))
        return Response(ProviderSerializer(provider, context=self.get_serializer_context()).data, status=201)

    @extend_schema(responses=shape("AccountWaiting", waiting=[str]))
    @action(detail=True, methods=["get"])
    def waiting(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What waits for the account, and fails once it is removed: {"waiting": [name]}."""
        return Response({"waiting": services.waiting(self.get_object())})


class AccountRequestViewSet(_OfAccounts):
    """Requests for accounts: one's own, all for those who look after accounts."""

    model = AccountRequest
    serializer_class = AccountRequestSerializer
    filterset_fields = ["type", "state"]
    search_fields = ["name"]
    ordering_fields = ["requested_at"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return AccountRequest.objects.none()
        self.check_use()
        return requests.visible(self.access)

    @extend_schema(
        request=shape("NewAccountRequest", type=maybe(str), name=maybe(str), account=maybe(str), config=dict)
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask: {"type", "name", "config"}, or {"account", "config"} for a new authorisation of one that there is."""
        self.check_use()
        given = json_object(request)
        config = given.get("config") if isinstance(given.get("config"), dict) else {}
        account, kind = None, str(given.get("type", ""))
        if key := given.get("account"):
            account = Account.objects.get_in(self.workspace, str(key))
            kind = account.type
        made = requests.ask(self.access, kind, given.get("name"), config, account=account)
        return self.answer(made, status=201)

    @extend_schema(request=_REMARK, responses=AccountRequestSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Authorise what was asked for: {"remark"}. 409 `account_returned` where its platform says no."""
        row = self.get_object()
        requests.approve(self.access, row, _remark(request))
        row.refresh_from_db()
        return self.answer(row)

    @extend_schema(request=_REMARK, responses=AccountRequestSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say no: {"remark"}."""
        return self.answer(requests.refuse(self.access, self.get_object(), _remark(request)))

    @extend_schema(request=None, responses=AccountRequestSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take one's own request back."""
        return self.answer(requests.withdraw(self.access, self.get_object()))


def _remark(request: Request) -> str:
    return str(json_object(request).get("remark") or "") if request.data else ""
