from __future__ import annotations

from typing import Any

import pyotp
import pytest
from django.test import Client

from admin_center.audit.models import AuditEntry
from admin_center.members import totp
from admin_center.members.models import User
from tests.factories import PASSWORD, make_access, make_organization, make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(db: None) -> User:
    return make_user("ann", email="ann@example.com", nickname="Ann", organization=make_organization())


@pytest.fixture
def page_client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _profile(**values: str) -> dict[str, str]:
    return {"nickname": "Ann", "email": "ann@example.com", "locale": "", "theme": "auto", **values}


def test_the_account_pages_need_signing_in(client: Client) -> None:
    for path in ("", "password/", "two-step/", "tokens/"):
        assert client.get(f"/account/{path}").url.startswith("/login/")


def test_a_person_changes_their_profile(page_client: Client, user: User) -> None:
    assert (
        page_client.post("/account/", _profile(nickname="安", locale="zh-hans", theme="dark")).status_code
        == 302
    )
    user.refresh_from_db()
    assert (user.nickname, user.locale, user.theme) == ("安", "zh-hans", "dark")
    entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.before["nickname"], entry.after["nickname"]) == ("Ann", "安")


@pytest.mark.parametrize(
    ("given", "field"),
    [({"nickname": "123"}, "nickname"), ({"email": "x"}, "email"), ({"email": "bob@example.com"}, "email")],
)
def test_a_value_that_cannot_be_is_told_at_its_field_and_stays_typed(
    page_client: Client, user: User, given: dict[str, str], field: str
) -> None:
    make_user("bob", email="bob@example.com")
    page = page_client.post("/account/", _profile(**given))
    assert page.status_code == 422 and list(page.context["form"].errors) == [field]
    assert next(iter(given.values())) in page.content.decode()
    user.refresh_from_db()
    assert (user.nickname, user.email) == ("Ann", "ann@example.com")


def test_nobody_makes_themselves_manager_by_a_form(page_client: Client, user: User) -> None:
    page_client.post("/account/", _profile(is_manager="on", is_superuser="on"))
    user.refresh_from_db()
    assert not user.is_manager and not user.is_superuser


def test_the_top_bars_switches_change_one_thing_and_go_back(page_client: Client, user: User) -> None:
    assert page_client.post("/account/preferences/", {"theme": "dark", "next": "/w/x/"}).url == "/w/x/"
    user.refresh_from_db()
    assert (user.theme, user.nickname) == ("dark", "Ann")
    assert (
        page_client.post("/account/preferences/", {"locale": "zh-hant", "next": "//evil"}).url == "/account/"
    )
    user.refresh_from_db()
    assert (user.theme, user.locale) == ("dark", "zh-hant")


def test_an_unknown_theme_is_not_kept(page_client: Client, user: User) -> None:
    page_client.post("/account/preferences/", {"theme": "pink"})
    user.refresh_from_db()
    assert user.theme == "auto"


def test_a_new_password_ends_all_other_sessions(page_client: Client, user: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(user)
    given = {"old": PASSWORD, "new": "another horse 43", "again": "another horse 43"}
    assert page_client.post("/account/password/", given).status_code == 302
    assert page_client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    assert AuditEntry.objects.filter(action="user.password_changed", actor=user).exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"old": "wrong", "new": "another horse 43", "again": "another horse 43"}, "old"),
        ({"old": PASSWORD, "new": "another horse 43", "again": "different"}, "again"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "new"),
        ({"old": PASSWORD, "new": "ann@example.com", "again": "ann@example.com"}, "new"),
    ],
)
def test_a_password_is_not_changed_when_something_is_wrong(
    page_client: Client, user: User, given: dict[str, str], field: str
) -> None:
    page = page_client.post("/account/password/", given)
    assert page.status_code == 422 and list(page.context["form"].errors) == [field]
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def _secret(page: Any) -> str:
    return page.context["secret"]


def test_the_second_step_is_switched_on_by_a_right_code(page_client: Client, user: User) -> None:
    page = page_client.get("/account/two-step/")
    assert "<svg" in page.content.decode()
    done = page_client.post("/account/two-step/", {"code": pyotp.TOTP(_secret(page)).now()})
    assert len(done.context["codes"]) == 10
    assert (
        done.headers["Cache-Control"].startswith("max-age=0") and "no-store" in done.headers["Cache-Control"]
    )
    user.refresh_from_db()
    assert user.uses_totp and user.totp_secret == _secret(page)


def test_a_wrong_code_switches_nothing_on_and_keeps_the_picture(page_client: Client, user: User) -> None:
    page = page_client.get("/account/two-step/")
    again = page_client.post("/account/two-step/", {"code": "000000"})
    assert again.status_code == 422 and _secret(again) == _secret(page)
    user.refresh_from_db()
    assert not user.uses_totp


def test_the_secret_and_recovery_codes_are_not_readable_in_the_database(user: User) -> None:
    secret = totp.new_secret()
    codes = totp.enable(user, secret, pyotp.TOTP(secret).now())
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT totp_secret, recovery_codes::text FROM members_user WHERE id = %s", [user.pk])
        stored = str(cursor.fetchone())
    assert secret not in stored and not any(code in stored for code in codes)


def _guard(user: User) -> list[str]:
    secret = totp.new_secret()
    return totp.enable(user, secret, pyotp.TOTP(secret).now())


@pytest.mark.parametrize("path", ["off", "codes"])
def test_the_second_step_is_changed_only_with_the_password(
    page_client: Client, user: User, path: str
) -> None:
    _guard(user)
    before = User.objects.get(pk=user.pk)
    page = page_client.post(f"/account/two-step/{path}/", {"password": "wrong"})
    assert page.status_code == 422
    after = User.objects.get(pk=user.pk)
    assert after.uses_totp and after.recovery_codes == before.recovery_codes


def test_the_second_step_is_switched_off(page_client: Client, user: User) -> None:
    _guard(user)
    page_client.post("/account/two-step/off/", {"password": PASSWORD})
    user.refresh_from_db()
    assert (user.uses_totp, user.totp_secret, user.recovery_codes) == (False, "", [])


def test_new_recovery_codes_replace_the_old_ones(page_client: Client, user: User) -> None:
    old = _guard(user)
    page = page_client.post("/account/two-step/codes/", {"password": PASSWORD})
    new = page.context["codes"]
    assert not set(old) & set(new)
    assert not totp.verify(user, old[0]) and totp.verify(user, new[0])


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "00000-00000"])
def test_what_is_no_code_is_refused(user: User, code: str) -> None:
    _guard(user)
    assert not totp.verify(user, code)


def test_who_has_no_second_step_has_no_valid_code(user: User) -> None:
    assert not totp.verify(user, "000000")


def test_who_is_in_no_workspace_can_make_no_token(page_client: Client) -> None:
    page = page_client.get("/account/tokens/")
    assert page.status_code == 200 and "not in any workspace" in page.content.decode()


def test_only_the_end_of_a_token_is_shown_later() -> None:
    access = make_access()
    secret = make_token(access)
    client = Client()
    client.force_login(access.user)
    page = client.get("/account/tokens/").content.decode()
    assert secret not in page and secret[-4:] in page
    assert "Active" in page
