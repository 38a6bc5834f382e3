from __future__ import annotations

import pytest
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from admin_center.members.models import User
from admin_center.permissions.middleware import WorkspaceMiddleware
from tests.factories import make_access, make_user, make_workspace

pytestmark = pytest.mark.django_db


def _request(user: object, **headers: str) -> object:
    request = RequestFactory(headers=headers).get("/w/x/audiences/?q=1")
    request.user = user  # type: ignore[assignment]
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
    return request


def _process(request: object, slug: str) -> object:
    return WorkspaceMiddleware(lambda r: HttpResponse()).process_view(
        request, HttpResponse, (), {"workspace": slug}
    )


def test_a_member_gets_workspace_and_access_on_the_request() -> None:
    access = make_access()
    request = _request(access.user)
    assert _process(request, access.workspace.slug) is None
    assert request.workspace == access.workspace  # type: ignore[attr-defined]
    assert request.access.is_admin  # type: ignore[attr-defined]


def test_times_on_the_page_are_the_workspaces() -> None:
    access = make_access(make_workspace(time_zone="America/Lima"))
    seen = []

    def view(request: object) -> HttpResponse:
        _process(request, access.workspace.slug)
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    WorkspaceMiddleware(view)(_request(access.user))  # type: ignore[arg-type]
    assert seen == ["America/Lima"]
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("slug", ["nowhere", None])
def test_a_foreign_workspace_is_as_missing_as_one_that_does_not_exist(slug: str | None) -> None:
    with pytest.raises(Http404):
        _process(_request(make_user()), slug or make_workspace().slug)


def test_who_is_not_signed_in_goes_to_sign_in_and_back(client: Client) -> None:
    from django.contrib.auth.models import AnonymousUser

    response = _process(_request(AnonymousUser()), "x")
    assert response.status_code == 302  # type: ignore[attr-defined]
    assert response.url == "/login/?next=/w/x/audiences/%3Fq%3D1"  # type: ignore[attr-defined]


def test_a_partial_request_moves_the_whole_page_to_sign_in() -> None:
    from django.contrib.auth.models import AnonymousUser

    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/w/x/audiences/"}
    response = _process(_request(AnonymousUser(), **headers), "x")
    assert response.headers["HX-Redirect"] == "/login/?next=/w/x/audiences/"  # type: ignore[attr-defined]


def test_the_workspace_used_last_is_remembered() -> None:
    access = make_access()
    _process(_request(access.user), access.workspace.slug)
    assert User.objects.get(pk=access.user.pk).last_workspace == access.workspace
