"""What is looked after at night: sources that fail, grants that end, columns that are new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.console.models import Notification
from insight.datasources.connections import services
from insight.datasources.models import Connection, TableGrant
from insight.datasources.organization import watching
from insight.datasources.tasks import look_after_sources
from tests.factories import make_member
from tests.insight.datasources.servers import Server
from tests.insight.datasources.sharing import Head


@pytest.fixture
def head(postgresql: Server, run_jobs: Callable[..., list[Any]]) -> Head:
    return Head(postgresql, run_jobs)


def told() -> list[tuple[str, str]]:
    return [(row.user.username, row.title) for row in Notification.objects.order_by("created_at")]


def test_a_source_that_begins_to_fail_is_told_once_to_those_who_look_after_it(head: Head) -> None:
    own = services.create(head.north.access, head.server.settings(name="Till"))
    make_member(head.north.workspace, "analyst")
    assert look_after_sources()["failing"] == 0 and told() == []
    Connection.objects.update(password="changed")
    assert watching.check_sources() == 2
    assert sorted(told()) == sorted(
        [
            (head.manager.username, "The data source “Warehouse” does not let us in any more"),
            (head.north.access.user.username, "The data source “Till” does not let us in any more"),
        ]
    )
    notice = Notification.objects.get(user=head.manager)
    assert "refuses the login" in notice.text and notice.url == f"/organization/sources/{head.source.pk}/"
    assert Notification.objects.get(user=head.north.access.user).url.endswith(f"databases/{own.pk}/")
    watching.check_sources()
    assert len(told()) == 2
    page = head.browser.get(f"/organization/sources/{head.source.pk}/").content.decode()
    assert "refuses the login" in page
    Connection.objects.update(password=head.server.password)
    assert watching.check_sources() == 0
    head.source.refresh_from_db()
    assert (head.source.failing_since, head.source.failure) == (None, "")


def test_one_that_cannot_be_checked_stops_no_other(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    services.create(head.north.access, head.server.settings(name="Till"))
    Connection.objects.filter(name="Till").update(kind="oracle")
    Connection.objects.filter(name="Warehouse").update(password="changed")
    assert watching.check_sources() == 1


@pytest.mark.parametrize(("hours", "days"), [(8 * 24, None), (6 * 24, 7), (20, 1)])
def test_the_end_of_a_grant_is_told_a_week_and_a_day_before(head: Head, hours: int, days: int | None) -> None:
    end = timezone.now() + timedelta(hours=hours)
    TableGrant.objects.create(
        connection=head.source, workspace=head.north.workspace, remote="sales", expires_at=end
    )
    watching.warn_of_ends()
    watching.warn_of_ends()
    assert TableGrant.objects.get().warned == days
    assert [name for name, _title in told()] == ([head.north.access.user.username] if days else [])
    if days == 7:
        TableGrant.objects.update(expires_at=timezone.now() + timedelta(hours=3))
        watching.warn_of_ends()
        assert len(told()) == 2 and "sales" in told()[1][1]


def test_new_columns_of_a_table_shared_by_columns_are_told_once(head: Head) -> None:
    head.call("put", "columns/?table=sales", {"enabled": True})
    assert watching.tell_of_new_columns() == 0
    head.server.run("ALTER TABLE sales ADD COLUMN margin integer")
    assert (watching.tell_of_new_columns(), watching.tell_of_new_columns()) == (1, 0)
    assert told() == [(head.manager.username, "New columns in sales of “Warehouse”: margin")]
    Connection.objects.update(port=1)
    assert watching.tell_of_new_columns() == 0
