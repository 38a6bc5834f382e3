from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from admin_center.members.authentication import BearerTokenAuthentication
from admin_center.members.models import ApiToken
from admin_center.members.tokens import find_token, issue_token, note_use, revoke_token
from cdp.core.errors import ValidationFailed
from tests.factories import make_access, make_token, make_user, make_workspace

pytestmark = pytest.mark.django_db


def _authenticate(header: str) -> object:
    return BearerTokenAuthentication().authenticate(
        Request(APIRequestFactory().get("/", headers={"Authorization": header}))
    )


def test_a_token_signs_its_person_in() -> None:
    access = make_access()
    secret = make_token(access)
    assert secret.startswith("tdl_")
    assert _authenticate(f"Bearer {secret}") == (access.user, ApiToken.objects.get())


def test_only_the_hash_of_a_token_is_kept() -> None:
    secret = make_token(make_access())
    row = ApiToken.objects.values().get()
    assert secret not in str(row)
    assert row["hint"] == secret[-4:]


def test_another_scheme_is_left_to_other_authentication() -> None:
    assert _authenticate("Basic abc") is None


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer tdl_unknown", "Bearer é"])
def test_a_malformed_or_unknown_token_is_refused(header: str) -> None:
    with pytest.raises(AuthenticationFailed):
        _authenticate(header)


def test_an_expired_token_is_refused() -> None:
    secret = make_token(make_access())
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(AuthenticationFailed, match="expired"):
        _authenticate(f"Bearer {secret}")


def test_a_revoked_token_is_refused() -> None:
    secret = make_token(make_access())
    revoke_token(ApiToken.objects.get())
    with pytest.raises(AuthenticationFailed, match="revoked"):
        _authenticate(f"Bearer {secret}")


def test_a_token_of_somebody_who_may_not_sign_in_is_refused() -> None:
    access = make_access()
    secret = make_token(access)
    access.user.is_active = False
    access.user.save()
    with pytest.raises(AuthenticationFailed, match="may not sign in"):
        _authenticate(f"Bearer {secret}")


def test_the_last_use_is_written_at_most_once_a_minute(django_assert_num_queries: object) -> None:
    make_token(make_access())
    now = timezone.now()
    note_use(ApiToken.objects.get(), now)
    token = ApiToken.objects.get()
    with django_assert_num_queries(0):  # type: ignore[operator]
        note_use(token, now + timedelta(seconds=50))
    note_use(token, now + timedelta(seconds=61))
    assert ApiToken.objects.get().last_used_at == now + timedelta(seconds=61)


@pytest.mark.parametrize("values", [{"name": " "}, {"name": "x", "days": 0}, {"name": "x", "days": 4000}])
def test_a_token_needs_a_name_and_a_sensible_lifetime(values: dict[str, object]) -> None:
    access = make_access()
    with pytest.raises(ValidationFailed):
        issue_token(access.user, access.workspace, **values)  # type: ignore[arg-type]
    assert not ApiToken.objects.exists()


def test_the_command_prints_the_token_last() -> None:
    access = make_access()
    out = StringIO()
    call_command(
        "api_token",
        access.user.username,
        "--workspace",
        access.workspace.slug,
        "--days",
        "7",
        "--scope",
        "insight",
        stdout=out,
    )
    token = find_token(out.getvalue().splitlines()[-1])
    assert token is not None
    assert (token.user, token.workspace, token.scopes) == (access.user, access.workspace, ["insight"])
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)


def test_the_command_refuses_unknown_people_and_foreign_workspaces() -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("api_token", "who", "--workspace", "x")
    with pytest.raises(CommandError, match="not a member"):
        call_command("api_token", make_user().username, "--workspace", make_workspace().slug)
