from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from admin_center.permissions.access import MemberAccess
from cdp.console.models import Notification, PageVisit
from cdp.console.notices import notify
from cdp.jobs.models import Job
from tests.factories import make_access, make_workspace

pytestmark = pytest.mark.django_db


def test_the_navigation_hides_what_one_may_not_open(visitor: Client, home: str) -> None:
    analyst = make_access(None, "analyst")
    client = Client()
    client.force_login(analyst.user)
    entry = "/admin/audit/"
    assert entry in visitor.get(home).content.decode()
    assert entry not in client.get(f"/w/{analyst.workspace.slug}/").content.decode()


def test_the_open_page_is_marked_in_the_navigation(visitor: Client, home: str) -> None:
    page = visitor.get(f"{home}jobs/").content.decode()
    assert f'href="{home}jobs/" class="nav-entry active" aria-current="page"' in page


def test_analysis_stands_apart_from_what_is_analysed(visitor: Client, home: str) -> None:
    page = visitor.get(home).content.decode()
    entries = [
        f'href="{home}{path}"' for path in ("sources/", "audiences/", "campaigns/", "analysis/", "rfm/")
    ]
    assert [page.index(entry) for entry in entries] == sorted(page.index(entry) for entry in entries)
    assert (
        page.index(entries[2]) < page.index('<div class="nav-label">Analysis</div>') < page.index(entries[3])
    )


def test_a_page_that_was_opened_is_offered_as_recently_used(visitor: Client, home: str) -> None:
    assert "Recently used" not in visitor.get(home).content.decode()
    visitor.get(f"{home}jobs/")
    assert "Recently used" in visitor.get(home).content.decode()


def test_reloading_is_not_another_visit(visitor: Client, access: MemberAccess, home: str) -> None:
    for _time in range(3):
        visitor.get(f"{home}jobs/")
    assert PageVisit.objects.get(user=access.user, url_name="console:jobs").visits == 1


def test_opening_a_notice_marks_it_as_read_and_leads_to_its_subject(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    notify(access.workspace, access.user, "Done: refresh", url=f"{home}jobs/")
    notice = Notification.objects.get()
    assert "badge-notification" in visitor.get(home).content.decode()
    assert visitor.get(f"{home}messages/{notice.pk}/")["Location"] == f"{home}jobs/"
    assert "badge-notification" not in visitor.get(home).content.decode()


def test_a_colleagues_notices_are_not_shown(visitor: Client, access: MemberAccess, home: str) -> None:
    colleague = make_access(access.workspace)
    notify(access.workspace, colleague.user, "For somebody else")
    assert "For somebody else" not in visitor.get(f"{home}messages/").content.decode()
    assert visitor.get(f"{home}messages/{Notification.objects.get().pk}/").status_code == 404


def test_the_home_page_costs_a_constant_number_of_queries(
    visitor: Client, access: MemberAccess, home: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        notify(access.workspace, access.user, f"Notice {number}")
        make_workspace(access.workspace.organization)
    with django_assert_max_num_queries(25):
        assert visitor.get(home).status_code == 200


def test_the_log_of_a_job_is_in_the_time_of_the_workspace(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    line = {"at": "2026-03-01T20:15:00+00:00", "level": "info", "text": "Reading"}
    job = Job.objects.create(workspace=access.workspace, kind="test", status="succeeded", log=[line])
    assert access.workspace.time_zone == "Asia/Shanghai"
    assert "04:15:00" in visitor.get(f"{home}jobs/{job.pk}/").content.decode()


def test_what_is_not_there_is_told_inside_the_shell_with_a_reference(visitor: Client, home: str) -> None:
    answer = visitor.get(f"{home}jobs/job_none/")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Reference" in page and 'class="sidebar"' in page


def test_an_unknown_address_is_told_in_the_consoles_words(visitor: Client) -> None:
    answer = visitor.get("/no/such/page/")
    assert answer.status_code == 404 and "There is nothing here" in answer.content.decode()


def test_htmx_gets_an_error_as_a_toast(visitor: Client, home: str) -> None:
    answer = visitor.get(f"{home}jobs/job_none/", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert "toast" in answer["HX-Trigger"] and answer["HX-Reswap"] == "none"


def test_a_theme_that_was_chosen_is_in_the_page_and_not_left_to_a_script(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    access.user.theme = "dark"
    access.user.save(update_fields=["theme"])
    assert 'data-bs-theme="dark"' in visitor.get(home).content.decode()


def test_no_page_has_inline_scripts_or_handlers(visitor: Client, home: str) -> None:
    for path in ("", "jobs/", "messages/"):
        answer = visitor.get(home + path)
        page = answer.content.decode()
        assert "<script>" not in page and " onclick=" not in page
        assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_the_guides_are_pages_of_the_console(client: Client) -> None:
    assert "Operator guide" in client.get("/help/").content.decode()
    assert client.get("/help/operator-guide/").status_code == 200


def test_no_file_outside_of_the_guides_can_be_read(client: Client) -> None:
    assert client.get("/help/../README/").status_code == 404
    assert client.get("/help/%2e%2e/README/").status_code == 404
