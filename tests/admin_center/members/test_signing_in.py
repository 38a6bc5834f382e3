from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyotp
import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from admin_center.members import totp
from admin_center.members.account import password_link
from admin_center.members.models import User
from admin_center.members.services import create_user
from admin_center.organizations.models import Workspace
from tests.factories import PASSWORD, make_access, make_manager, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


def _sign_in(client: Client, username: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login/", {"username": username, "password": password, **more})


def _signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def guarded(db: None) -> User:
    """Somebody with a second step."""
    user = make_user("ann")
    secret = totp.new_secret()
    totp.enable(user, secret, pyotp.TOTP(secret).now())
    User.objects.filter(pk=user.pk).update(totp_last_step=0)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("name", ["ann", "ANN", "ann@example.com"])
def test_name_or_address_and_password_let_in(client: Client, name: str) -> None:
    make_user("ann", email="ann@example.com")
    assert _sign_in(client, name).url == "/"
    assert _signed_in(client)
    assert AuditEntry.objects.filter(action="user.signed_in", ip="127.0.0.1", via="console").exists()


def test_a_wrong_password_says_no_more_than_that_something_is_wrong(client: Client) -> None:
    make_user("ann")
    answers = [_sign_in(client, "ann", "wrong"), _sign_in(client, "nobody", "wrong")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].context["form"].errors == answers[1].context["form"].errors
    assert not _signed_in(client)


def test_what_was_typed_stays_except_the_password(client: Client) -> None:
    page = _sign_in(client, "annn", "secret-word").content.decode()
    assert "annn" in page and "secret-word" not in page


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/w/x/audiences/?q=1", "/w/x/audiences/?q=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_signing_in_leads_back_but_only_within_the_installation(
    client: Client, wanted: str, leads_to: str
) -> None:
    make_user("ann")
    assert _sign_in(client, "ann", next=wanted).url == leads_to


def test_five_wrong_passwords_lock_the_name_out_and_say_how_long(client: Client) -> None:
    make_user("ann", email="ann@example.com")
    for name in ("ann", "ANN", "Ann", "ann@example.com"):
        assert _sign_in(client, name, "wrong").status_code == 422
    _sign_in(client, "ann", "wrong")
    locked = _sign_in(client, "ann")
    assert (locked.status_code, locked.context["minutes"], locked.headers["Retry-After"]) == (429, 15, "900")
    assert not _signed_in(client)


def test_trying_on_does_not_prolong_the_lock_out(client: Client) -> None:
    make_user("ann")
    for _attempt in range(5):
        _sign_in(client, "ann", "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=10))
    assert _sign_in(client, "ann", "wrong").context["minutes"] == 5
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert _sign_in(client, "ann").status_code == 302


def test_a_lock_out_is_for_one_name_at_one_address(client: Client) -> None:
    make_user("ann"), make_user("bob")
    for _attempt in range(5):
        _sign_in(client, "ann", "wrong")
    assert _sign_in(Client(), "bob").status_code == 302
    assert _sign_in(Client(REMOTE_ADDR="192.0.2.9"), "ann").status_code == 302


def test_no_password_or_code_is_kept_with_a_failed_attempt(client: Client) -> None:
    _sign_in(client, "ann", "my-real-password")
    assert "my-real-password" not in str(AccessAttempt.objects.values().get())


def test_somebody_switched_off_cannot_sign_in(client: Client) -> None:
    user = make_user("ann")
    user.is_active = False
    user.save()
    assert _sign_in(client, "ann").status_code == 422


def test_a_second_step_is_asked_for_before_anything_opens(client: Client, guarded: User) -> None:
    assert _sign_in(client, "ann", next="/account/").url == "/login/code/"
    assert not _signed_in(client)
    assert client.get("/account/").status_code == 302
    answer = client.post("/login/code/", {"code": pyotp.TOTP(guarded.totp_secret).now()})
    assert answer.url == "/account/" and _signed_in(client)


def test_a_wrong_code_lets_nobody_in(client: Client, guarded: User) -> None:
    _sign_in(client, "ann")
    answer = client.post("/login/code/", {"code": "000000"})
    assert answer.status_code == 422 and not _signed_in(client)


def test_wrong_codes_lock_out_like_wrong_passwords(client: Client, guarded: User) -> None:
    _sign_in(client, "ann")
    for _attempt in range(5):
        client.post("/login/code/", {"code": "000000"})
    answer = client.post("/login/code/", {"code": pyotp.TOTP(guarded.totp_secret).now()})
    assert answer.status_code in (302, 429) and not _signed_in(client)
    assert _sign_in(client, "ann").status_code == 429


def test_a_code_does_not_work_twice(guarded: User) -> None:
    first, second, code = Client(), Client(), pyotp.TOTP(guarded.totp_secret).now()
    for client in (first, second):
        _sign_in(client, "ann")
        client.post("/login/code/", {"code": code})
    assert _signed_in(first) and not _signed_in(second)


def test_a_recovery_code_lets_in_once(client: Client, guarded: User) -> None:
    codes = totp.renew_recovery_codes(guarded)
    for number, client in enumerate((Client(), Client())):
        _sign_in(client, "ann")
        client.post("/login/code/", {"code": codes[0].upper().replace("-", " ")})
        assert _signed_in(client) is (number == 0)
    assert len(User.objects.get().recovery_codes) == 9


def test_the_second_step_cannot_be_entered_without_the_first(client: Client, guarded: User) -> None:
    answer = client.post("/login/code/", {"code": pyotp.TOTP(guarded.totp_secret).now()})
    assert answer.url == "/login/" and not _signed_in(client)


def test_the_second_step_waits_five_minutes(client: Client, guarded: User) -> None:
    _sign_in(client, "ann")
    session = client.session
    session["pending_sign_in"] = {**session["pending_sign_in"], "at": timezone.now().timestamp() - 301}
    session.save()
    assert client.post("/login/code/", {"code": pyotp.TOTP(guarded.totp_secret).now()}).url == "/login/"


def test_signing_out_takes_a_post(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/logout/").status_code == 405 and _signed_in(client)
    assert client.post("/logout/").url == "/login/" and not _signed_in(client)


def test_one_lands_in_the_workspace_used_last(client: Client) -> None:
    access = make_access()
    other = make_member(make_workspace(access.workspace.organization), user=access.user).workspace
    client.force_login(access.user)
    assert client.get("/").url == "/workspaces/"
    User.objects.filter(pk=access.user.pk).update(last_workspace=other)
    assert client.get("/").url == f"/w/{other.slug}/"


def test_the_only_workspace_needs_no_choice(client: Client) -> None:
    access = make_access()
    client.force_login(access.user)
    assert client.get("/").url == f"/w/{access.workspace.slug}/"


def test_the_last_workspace_does_not_count_once_one_has_left_it(client: Client) -> None:
    access = make_access()
    User.objects.filter(pk=access.user.pk).update(last_workspace=make_workspace())
    client.force_login(access.user)
    assert client.get("/").url == f"/w/{access.workspace.slug}/"


def test_who_is_in_no_workspace_is_told_whom_to_ask(client: Client) -> None:
    client.force_login(make_user("lonely"))
    page = client.get("/", follow=True)
    assert page.status_code == 200
    assert "not in any workspace" in page.content.decode() and "lonely" in page.content.decode()


def test_a_manager_chooses_among_all_workspaces_of_the_organization(client: Client) -> None:
    here = make_workspace(name="Here")
    make_workspace(here.organization, name="There"), make_workspace(name="Elsewhere")
    client.force_login(make_manager(here.organization))
    page = client.get("/workspaces/").content.decode()
    assert "Here" in page and "There" in page and "Elsewhere" not in page


def test_the_first_operator_names_the_organization_and_gets_a_workspace(client: Client) -> None:
    client.force_login(create_user("root", password=PASSWORD, is_superuser=True))
    assert client.get("/", follow=True).redirect_chain[-1][0] == "/start/"
    answer = client.post("/start/", {"name": "Tide"})
    workspace = Workspace.objects.get()
    assert answer.url == f"/w/{workspace.slug}/"
    assert (workspace.name, workspace.organization.name, workspace.is_default) == (
        "Default workspace",
        "Tide",
        True,
    )
    user = User.objects.get()
    assert user.is_owner and user.is_manager


def test_nobody_else_founds_an_organization(client: Client) -> None:
    client.force_login(make_user())
    assert client.post("/start/", {"name": "Mine"}).url == "/"
    assert not Workspace.objects.exists()


def test_an_invited_person_chooses_a_password_once(client: Client) -> None:
    link = password_link(create_user("ann"))
    assert "ann" in client.get(link).content.decode()
    assert client.post(link, {"new": PASSWORD, "again": PASSWORD}).url == "/login/"
    assert client.get(link).status_code == 410
    assert _sign_in(client, "ann").status_code == 302


@pytest.mark.parametrize("given", [{"new": "short", "again": "short"}, {"new": PASSWORD, "again": "other"}])
def test_an_invited_persons_password_keeps_the_rules(client: Client, given: dict[str, str]) -> None:
    link = password_link(create_user("ann"))
    assert client.post(link, given).status_code == 422
    assert User.objects.get().is_invited


@pytest.mark.parametrize("link", ["/welcome/xxx/yyy/", "/welcome/%00/yyy/", "/welcome/dXNyX3g/abc-def/"])
def test_a_link_that_never_was_is_gone(client: Client, link: str) -> None:
    assert client.get(link).status_code == 410


def test_the_sign_in_page_is_in_the_browsers_language(client: Client) -> None:
    assert 'lang="zh-hans"' in client.get("/login/", headers={"Accept-Language": "zh-CN,zh"}).content.decode()


def test_a_persons_own_language_wins_over_the_browsers(client: Client) -> None:
    user = make_user()
    User.objects.filter(pk=user.pk).update(locale="zh-hant")
    client.force_login(user)
    assert 'lang="zh-hant"' in client.get("/workspaces/", headers={"Accept-Language": "en"}).content.decode()
