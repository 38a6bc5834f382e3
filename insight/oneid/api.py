"""REST API of identities."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.access import Access
from cdp.core.api import WorkspaceAPIView, accepted, json_object
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.core.schema import maybe, nullable, shape
from cdp.jobs.api import STARTED
from insight.oneid import decisions, queries, sections, services
from insight.oneid.masking import note, shown
from insight.oneid.models import IdentityDecision, IdentityGraph
from insight.oneid.queries import Person, PersonId

_PAGE = OpenApiParameter("page", int, description="Fifty entries a page.")

_GRAPH = shape(
    "Identities",
    id=str,
    sources=[dict],
    limits=dict,
    refresh=dict,
    state=str,
    error=str,
    version=int,
    stats=dict,
    refreshed_at=nullable(datetime),
)
_ROWS = shape("IdentityRows", count=int, results=[dict])
_SHOWN_ID = shape("ShownId", id_type=str, encryption=str, value=str)
_DECISION = shape(
    "IdentityDecision",
    id=str,
    kind=str,
    first=[_SHOWN_ID],
    second=[_SHOWN_ID],
    reason=str,
    owner=nullable(str),
    created_at=datetime,
    withdrawn_at=nullable(datetime),
)
_PERSON = shape(
    "Person",
    one_id=str,
    former=Any,
    ids=[
        shape(
            "PersonId",
            key=str,
            id_type=str,
            encryption=str,
            value=str,
            confidence=float,
            first_seen=datetime,
            last_seen=datetime,
        )
    ],
    links=[shape("PersonIdLink", first=str, second=str, days=int, last_seen=datetime, strength=float)],
    sections=dict,
)


def graph_json(graph: IdentityGraph) -> dict[str, Any]:
    return {
        "id": graph.pk,
        "sources": graph.sources,
        "limits": graph.full_limits,
        "refresh": graph.refresh or {"every": "off"},
        "state": graph.state,
        "error": graph.error,
        "version": graph.version,
        "stats": graph.stats,
        "refreshed_at": graph.refreshed_at,
    }


def id_json(access: Access, item: PersonId) -> dict[str, Any]:
    """An ID, in full for those who may see IDs in full."""
    return {
        "key": str(item.key),
        "id_type": item.id_type,
        "encryption": item.encryption,
        "value": shown(access, item.id_type, item.value),
        "confidence": round(item.confidence, 4),
        "first_seen": item.first_seen.isoformat(),
        "last_seen": item.last_seen.isoformat(),
    }


def review_json(access: Access, row: dict[str, Any]) -> dict[str, Any]:
    """An entry of the review list; `size` counts what a shared ID leads to, or the IDs of what was cut."""
    value = row["id_value"]
    if value is not None:
        value = shown(access, row["id_type"], value)
    label = str(ID_TYPES[row["id_type"]].label) if row["id_type"] else ""
    return {**row, "id_value": value, "label": label}


def decision_json(access: Access, row: IdentityDecision) -> dict[str, Any]:
    def listed(ids: Any) -> list[dict[str, Any]]:
        return [
            {"id_type": kind, "encryption": form, "value": shown(access, kind, value)}
            for kind, form, value in ids
        ]

    return {
        "id": row.pk,
        "kind": row.kind,
        "first": listed(row.first),
        "second": listed(row.second),
        "reason": row.reason,
        "owner": row.owner.get_username() if row.owner else None,
        "created_at": row.created_at.isoformat(),
        "withdrawn_at": row.withdrawn_at.isoformat() if row.withdrawn_at else None,
    }


def person_json(access: Access, person: Person, pages: dict[str, int]) -> dict[str, Any]:
    return {
        "one_id": person.one_id,
        "former": person.former,
        "ids": [id_json(access, item) for item in person.ids],
        "links": [
            {
                "first": str(link.first.key),
                "second": str(link.second.key),
                "days": link.days,
                "last_seen": link.last_seen.isoformat(),
                "strength": round(link.strength, 4),
            }
            for link in person.links
        ],
        "sections": {item["key"]: item["data"] for item in sections.build(access, person, pages)},
    }


def _page(request: Request) -> int:
    given = request.query_params.get("page", "1")
    return max(1, int(given)) if given.isdecimal() and len(given) < 7 else 1


class Identities(WorkspaceAPIView):
    required_permission = {"get": services.VIEW, "patch": services.MANAGE}

    @extend_schema(responses=_GRAPH)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How the workspace's people are found, and what the last run found."""
        graph = services.get_graph(self.workspace)
        return Response(graph_json(graph), headers={"ETag": graph.etag})

    @extend_schema(
        request=shape("IdentitiesChange", sources=maybe([dict]), limits=maybe(dict), refresh=maybe(dict)),
        responses=_GRAPH,
    )
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `sources`, `limits` or `refresh`."""
        etag = request.headers.get("If-Match", "")
        graph = services.update(self.access, json_object(request), etag="" if etag == "*" else etag)
        return Response(graph_json(graph), headers={"ETag": graph.etag})


class Run(WorkspaceAPIView):
    required_permission = {"post": services.MANAGE}

    @extend_schema(request=shape("IdentitiesRunInput", full=maybe(bool)), responses=STARTED)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Bring the people up to date; with `{"full": true}` everybody is worked out anew."""
        full = (json_object(request) if request.data else {}).get("full", False)
        if not isinstance(full, bool):
            raise ValidationFailed(errors={"full": [_("Use true or false.")]})
        return accepted(services.run(self.access, full=full))


class Runs(WorkspaceAPIView):
    required_permission = {"get": services.VIEW}

    @extend_schema(
        responses=shape(
            "IdentitiesRuns",
            results=[shape("IdentitiesRun", number=int, stats=dict, seconds=float, created_at=datetime)],
        )
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the latest runs found."""
        rows = services.get_graph(self.workspace).runs.all()[:50]
        found = [
            {"number": row.number, "stats": row.stats, "seconds": row.seconds, "created_at": row.created_at}
            for row in rows
        ]
        return Response({"results": found})


class Review(WorkspaceAPIView):
    required_permission = {"get": services.VIEW}

    @extend_schema(
        parameters=[_PAGE, OpenApiParameter("kind", str, enum=["shared", "oversized", "conflict"])],
        responses=_ROWS,
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Shared IDs, and people that were cut because they broke a limit."""
        graph = services.computed(self.workspace)
        rows, count = queries.review(graph, request.query_params.get("kind", ""), _page(request))
        note(self.access, graph, place="identities to review", rows=len(rows))
        return Response({"count": count, "results": [review_json(self.access, row) for row in rows]})


class Changes(WorkspaceAPIView):
    required_permission = {"get": services.VIEW}

    @extend_schema(parameters=[_PAGE, OpenApiParameter("one_id", str)], responses=_ROWS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """People that became one or fell apart from run to run."""
        graph = services.computed(self.workspace)
        rows, count = queries.history(graph, request.query_params.get("one_id", ""), _page(request))
        return Response({"count": count, "results": rows})


class Decisions(WorkspaceAPIView):
    required_permission = {"get": services.VIEW}

    @extend_schema(responses=shape("IdentityDecisions", results=[_DECISION]))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was joined and told apart by hand."""
        rows = IdentityDecision.objects.in_workspace(self.workspace).select_related("owner")
        graph = queries.current_graph(self.workspace)
        note(self.access, graph, place="decisions on identities", rows=len(rows))
        return Response({"results": [decision_json(self.access, row) for row in rows]})


class Withdraw(WorkspaceAPIView):
    required_permission = {"post": services.MANAGE}

    @extend_schema(request=None, responses=_DECISION)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A decision no longer counts; starts a run."""
        row = IdentityDecision.objects.get_in(self.workspace, kwargs["pk"])
        return Response(decision_json(self.access, decisions.withdraw(self.access, row)))


class Find(WorkspaceAPIView):
    required_permission = {"post": services.SEARCH}

    @extend_schema(
        request=shape("IdToFind", id_type=str, value=str),
        responses=shape("FoundPerson", one_id=nullable(str)),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The OneID of whoever has an ID: `id_type` and `value`. A POST, so that no ID stands in an address."""
        data = json_object(request)
        found = services.look_up(self.access, str(data.get("id_type") or ""), str(data.get("value") or ""))
        return Response({"one_id": found})


class PersonView(WorkspaceAPIView):
    required_permission = {"get": services.SEARCH}

    @extend_schema(
        parameters=[OpenApiParameter("page_timeline", int, description="A hundred records a page.")],
        responses=_PERSON,
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Somebody with all of their IDs, why they are theirs, and what is known of them."""
        person = services.open_person(self.access, kwargs["one_id"])
        pages = {
            key.removeprefix("page_"): int(value)
            for key, value in request.query_params.items()
            if key.startswith("page_") and value.isdecimal() and len(value) < 7
        }
        return Response(person_json(self.access, person, pages))


class Split(WorkspaceAPIView):
    required_permission = {"post": services.MANAGE}

    @extend_schema(request=shape("PersonSplit", ids=[str], reason=maybe(str)), responses={201: _DECISION})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The IDs named by `ids` (their keys) belong to somebody else; `reason`. Starts a run."""
        self.access.require(services.SEARCH)
        _graph, person = services.person_of(self.workspace, kwargs["one_id"])
        data = json_object(request)
        keys = data.get("ids")
        if not isinstance(keys, list):
            raise ValidationFailed(errors={"ids": [_("A list is needed here.")]})
        row = decisions.split(self.access, person, [str(key) for key in keys], str(data.get("reason") or ""))
        return Response(decision_json(self.access, row), status=201)


class Merge(WorkspaceAPIView):
    required_permission = {"post": services.MANAGE}

    @extend_schema(request=shape("PersonMerge", other=str, reason=maybe(str)), responses={201: _DECISION})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The person and the one with the OneID `other` are one; `reason`. Starts a run."""
        self.access.require(services.SEARCH)
        graph, person = services.person_of(self.workspace, kwargs["one_id"])
        data = json_object(request)
        other = queries.person(graph, str(data.get("other") or ""))
        row = decisions.merge(self.access, person, other, str(data.get("reason") or ""))
        return Response(decision_json(self.access, row), status=201)
