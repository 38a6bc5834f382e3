"""Bases of the REST API: scoping, permission points, problem documents, paging, idempotency, lost-update checks."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.cache import cache
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework import exceptions, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from cdp.core.errors import (
    Conflict,
    DomainError,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    TooManyRequests,
    ValidationFailed,
)

log = logging.getLogger(__name__)
IDEMPOTENCY_SECONDS = 24 * 3600
_CODES = {401: "not_authenticated", 403: "permission_denied", 404: "not_found", 405: "method_not_allowed"}


class WorkspaceAPIView(APIView):
    """An API view below /workspaces/{slug}/.

    `required_permission` maps the action (or the lower-case HTTP method) to a permission point; an action without
    one is refused, so that no route can forget its check.
    """

    required_permission: ClassVar[Mapping[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        from cdp.core.membership import access_for

        self.access = access_for(request.user, kwargs["workspace"], token=request.auth)
        self.workspace = self.access.workspace
        request._request.access = self.access  # type: ignore[attr-defined]
        request._request.workspace = self.workspace  # type: ignore[attr-defined]
        self.access.require(self.permission_point())

    def permission_point(self) -> str:
        action = getattr(self, "action", None) or self.request.method.lower()
        point = self.required_permission.get(action) or self.required_permission.get("*")
        if action in (None, "options", "metadata", "head"):
            point = point or next(iter(self.required_permission.values()))
        if point is None:
            raise exceptions.MethodNotAllowed(self.request.method)
        return point

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if not key:
            return super().dispatch(request, *args, **kwargs)
        return self._once(key, request, *args, **kwargs)

    def _once(self, key: str, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answers a repeated POST with the first answer; one still under way gets a 409."""
        who = request.headers.get("Authorization", "") or request.session.session_key or ""
        digest = hashlib.sha256("\n".join((who, request.path, key)).encode()).hexdigest()
        name = f"idempotency:{digest}"
        if not cache.add(name, "running", 600):
            kept = cache.get(name)
            if isinstance(kept, dict):
                response = Response(
                    kept["data"], status=kept["status"], headers={"Idempotency-Replayed": "true"}
                )
            else:
                error = Conflict(
                    _("A request with this Idempotency-Key is still running."), code="in_progress"
                )
                response = Response(error.problem(), status=error.status)
            return self._rendered(request, response, *args, **kwargs)
        done = False
        try:
            response = super().dispatch(request, *args, **kwargs)
            if response.status_code < 300 and isinstance(response, Response):
                cache.set(
                    name, {"data": _plain(response.data), "status": response.status_code}, IDEMPOTENCY_SECONDS
                )
                done = True
        finally:
            if not done:
                cache.delete(name)
        return response

    def _rendered(self, request: Any, response: Response, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        self.request = self.initialize_request(request, *args, **kwargs)
        self.initial(self.request, *args, **kwargs)
        return self.finalize_response(self.request, response, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code >= 400 and isinstance(response, Response):
            response.content_type = "application/problem+json"
        for header, value in (getattr(request._request, "rate_limit", None) or {}).items():
            response.headers[header] = value
        return response

    def check_etag(self, obj: Any) -> None:
        """Refuses a change whose `If-Match` names an older state of the object."""
        wanted = self.request.headers.get("If-Match")
        if wanted and wanted not in ("*", obj.etag):
            raise PreconditionFailed(
                _("Load the object again, repeat your change on it, and send it once more.")
            )


class WorkspaceViewSet(WorkspaceAPIView, viewsets.GenericViewSet):
    """A resource of a workspace. Subclasses give `queryset_class` rows through `get_queryset` in the workspace."""

    lookup_value_regex = "[^/]+"
    model: ClassVar[Any] = None

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.model.objects.none()
        return self.model.objects.in_workspace(self.workspace)

    def get_object(self) -> Any:
        pk = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        row = self.get_queryset().filter(**{self.lookup_field: pk}).first()
        if row is None:
            raise NotFound(_("There is no such %(what)s here.") % {"what": self.model._meta.verbose_name})
        return row

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_object())

    def answer(self, obj: Any, *, status: int = 200) -> Response:
        """The object as JSON, with its ETag where it has one."""
        headers = {"ETag": obj.etag} if hasattr(obj, "etag") else {}
        return Response(self.get_serializer(obj).data, status=status, headers=headers)


def json_object(request: Request) -> dict[str, Any]:
    """The body as a dictionary. Raises ValidationFailed for anything else."""
    if not isinstance(request.data, Mapping):
        raise ValidationFailed(_("Send a JSON object."))
    return {str(name): value for name, value in request.data.items()}


def accepted(job: Any, **more: Any) -> Response:
    """202 with the job that does the work."""
    from cdp.jobs.api import JobSerializer

    return Response({"job": JobSerializer(job).data, **more}, status=status.HTTP_202_ACCEPTED)


def _plain(data: Any) -> Any:
    """Answer data without lazy or serializer types, fit for the cache."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data if isinstance(data, str | int | float | bool | type(None)) else str(data)


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every failure as a problem document."""
    problem = as_domain_error(error)
    if problem is None:
        return None
    set_rollback()
    headers = {}
    if isinstance(error, exceptions.Throttled) and error.wait:
        headers["Retry-After"] = str(int(error.wait) + 1)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(problem.problem(), status=problem.status, headers=headers)


def as_domain_error(error: Exception) -> DomainError | None:
    """The domain error that says what a framework exception means; None for a defect of ours."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, DjangoPermissionDenied):
        return PermissionDenied(str(error) or _("You are not allowed to do this."))
    if isinstance(error, exceptions.ValidationError):
        return ValidationFailed(_("Some fields need another value."), errors=_flatten(error.detail))
    if isinstance(error, exceptions.Throttled):
        return TooManyRequests(_("Wait a moment, then try again."))
    if isinstance(error, exceptions.APIException):
        code = 401 if isinstance(error, exceptions.NotAuthenticated) else error.status_code
        return DomainError(error.detail, code=_CODES.get(code, str(error.default_code)), status=code)
    return None


def _flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Nested validation errors as {"items/0/value": ["message"]}."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            found.update(_flatten(value, f"{path}/{key}" if path else str(key)))
        return found
    if isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        found = {}
        for index, value in enumerate(detail):
            if value:
                found.update(_flatten(value, f"{path}/{index}" if path else str(index)))
        return found
    messages = detail if isinstance(detail, list) else [detail]
    return {path or "non_field_errors": [str(message) for message in messages]}
