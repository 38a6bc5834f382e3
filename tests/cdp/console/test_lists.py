from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from admin_center.permissions.access import MemberAccess
from cdp.jobs.models import Job
from insight.datasources.models import SourceTable
from tests.factories import make_access

pytestmark = pytest.mark.django_db


def _jobs(access: MemberAccess, count: int, **values: Any) -> list[Job]:
    given = {"workspace": access.workspace, "owner": access.user, "kind": "test", **values}
    return [Job.objects.create(**{"title": f"Job {number:02}", **given}) for number in range(count)]


def _page(visitor: Client, url: str, **headers: str) -> str:
    return visitor.get(url, headers=headers).content.decode()


def test_the_search_in_the_url_narrows_the_list(visitor: Client, access: MemberAccess, home: str) -> None:
    _jobs(access, 1, title="Refresh members")
    _jobs(access, 1, title="Import orders")
    page = _page(visitor, f"{home}jobs/?q=import")
    assert "Import orders" in page and "Refresh members" not in page


def test_a_filter_in_the_url_narrows_the_list_and_stays_chosen(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    _jobs(access, 1, title="Broken", status="failed")
    _jobs(access, 1, title="Fine", status="succeeded")
    page = _page(visitor, f"{home}jobs/?status=failed")
    assert "Broken" in page and "Fine" not in page
    assert '<option value="failed" selected>' in page


def test_only_ones_own_jobs_can_be_asked_for(visitor: Client, access: MemberAccess, home: str) -> None:
    _jobs(access, 1, title="Mine")
    _jobs(access, 1, title="By a colleague", owner=make_access(access.workspace).user)
    page = _page(visitor, f"{home}jobs/?mine=true")
    assert "Mine" in page and "By a colleague" not in page


def test_a_list_sorts_by_the_column_of_the_url_and_says_so(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    _jobs(access, 3)
    page = _page(visitor, f"{home}jobs/?sort=title")
    assert page.index("Job 00") < page.index("Job 01") < page.index("Job 02")
    assert 'aria-sort="ascending"' in page


def test_a_column_that_cannot_be_sorted_is_ignored(visitor: Client, access: MemberAccess, home: str) -> None:
    _jobs(access, 1)
    assert visitor.get(f"{home}jobs/?sort=owner__password").status_code == 200


def test_the_second_page_keeps_the_filters(visitor: Client, access: MemberAccess, home: str) -> None:
    _jobs(access, 30, status="failed")
    page = _page(visitor, f"{home}jobs/?status=failed&sort=title&page=2")
    assert "Job 25" in page and "Job 24" not in page
    assert "status=failed&amp;sort=title&amp;page=1" in page


def test_htmx_gets_the_table_alone(visitor: Client, access: MemberAccess, home: str) -> None:
    _jobs(access, 1)
    part = _page(visitor, f"{home}jobs/", **{"HX-Request": "true"})
    assert "Job 00" in part and "<html" not in part


def test_an_empty_list_says_what_will_be_there_and_an_empty_search_how_to_go_on(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    assert "No jobs yet" in _page(visitor, f"{home}jobs/")
    assert "Change the search or the filters." in _page(visitor, f"{home}jobs/?q=nothing")


def test_rows_cost_no_queries(
    visitor: Client, access: MemberAccess, home: str, django_assert_max_num_queries: Any
) -> None:
    _jobs(access, 25)
    visitor.get(f"{home}jobs/")
    with django_assert_max_num_queries(10):
        visitor.get(f"{home}jobs/")


def test_another_workspaces_rows_are_not_listed(visitor: Client, access: MemberAccess, home: str) -> None:
    _jobs(make_access(), 1, title="Of the neighbours")
    assert "Of the neighbours" not in _page(visitor, f"{home}jobs/")


def test_a_bulk_action_does_what_it_can_and_names_the_rows_that_refused(
    visitor: Client, access: MemberAccess, home: str
) -> None:
    (waiting,) = _jobs(access, 1, title="Waiting")
    (ended,) = _jobs(access, 1, title="Ended", status="succeeded")
    answer = visitor.post(f"{home}jobs/", {"action": "cancel", "row": [waiting.pk, ended.pk]}, follow=True)
    waiting.refresh_from_db()
    assert waiting.status == Job.Status.CANCELLED
    assert "1 done." in answer.content.decode()
    assert any(str(message).startswith("Ended:") for message in answer.context["messages"])


def test_a_bulk_action_cannot_reach_into_another_workspace(visitor: Client, home: str) -> None:
    (theirs,) = _jobs(make_access(), 1)
    visitor.post(f"{home}jobs/", {"action": "cancel", "row": [theirs.pk]})
    theirs.refresh_from_db()
    assert theirs.status == Job.Status.QUEUED


def test_the_csv_holds_all_pages_and_no_formulas(visitor: Client, access: MemberAccess, home: str) -> None:
    for number in range(30):
        SourceTable.objects.create(workspace=access.workspace, name=f"=table_{number}", state="ready")
    answer = visitor.get(f"{home}sources/?export=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 31
    assert all(row[0].startswith("'=table_") for row in rows[1:])


def test_an_empty_tab_says_what_to_do_and_an_empty_search_that_nothing_fits(
    visitor: Client, home: str
) -> None:
    assert "No audience yet" in _page(visitor, f"{home}audiences/?tab=public")
    assert "Nothing fits" in _page(visitor, f"{home}audiences/?tab=public&q=women")
