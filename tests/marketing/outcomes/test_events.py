"""The events in the lake are those of the ledger, whatever happens on the way."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from cdp import lake
from insight.datasets.models import Dataset
from insight.datasources import kept
from marketing.content import services as contents
from marketing.delivery import expiry, queries, retention, tracking
from marketing.delivery.composition import Share
from marketing.delivery.models import Engagement, Recipient, SendOut, TrackedLink
from marketing.outcomes import jobs, tables, writing
from marketing.outcomes.models import EventRun, EventTable, WrittenSendOut
from tests.marketing.delivery.shop import Shop, mails
from tests.marketing.outcomes.recount import ids_in_lake, in_lake, of_ledger

FIREFOX = {"user_agent": "Firefox", "method": "GET"}
HTML = '<p>Hi <a href="https://shop.example/sale">sale</a></p>'


def sent(shop: Shop, name: str = "Letter", **more: Any) -> SendOut:
    """Three get it, one address does not exist."""
    bounce = (None, "bounce-hard-1@x.example", None, None)
    audience = shop.audience([*mails(3), bounce], f"{name} people")
    return shop.submit(shop.mail(audience, name, template={"html": HTML}, **more))


def read(shop: Shop, send_out: SendOut) -> None:
    """One opens it twice, one clicks without having seen the picture, a machine looks at everything, one leaves."""
    link = TrackedLink.objects.get(send_out=send_out)
    first, second, third = (shop.recipient(send_out, number) for number in range(3))
    for _time in range(2):
        tracking.record(first, Engagement.Kind.OPEN, link=None, **FIREFOX)
    tracking.record(second, Engagement.Kind.CLICK, link=link, **FIREFOX)
    for kind, where in ((Engagement.Kind.OPEN, None), (Engagement.Kind.CLICK, link)):
        tracking.record(third, kind, link=where, user_agent="curl/8", method="HEAD")
    leave = tracking.unsubscribe_url(third)
    Client().post(leave[leave.index("/t/") :])


def kinds(shop: Shop) -> Counter[str]:
    return Counter(row[1] for row in in_lake(shop.workspace))


def test_the_lake_holds_what_a_recount_of_the_ledger_finds(shop: Shop) -> None:
    send_out = sent(shop)
    read(shop, send_out)
    assert writing.write_all(shop.workspace) == 1
    assert in_lake(shop.workspace) == of_ledger(send_out)
    numbers = queries.effect(send_out)
    found = in_lake(shop.workspace)
    for name in ("sent", "delivered", "failed", "opened", "clicked", "unsubscribed"):
        assert len({row[0] for row in found if row[1] == name}) == numbers[name] > 0, name
    assert kinds(shop) == {
        "sent": 4,
        "delivered": 3,
        "failed": 1,
        "opened": 3,
        "clicked": 1,
        "unsubscribed": 1,
    }
    assert [row[5] for row in found if row[1] == "failed"] == ["gone"]
    assert [row[4] for row in found if row[1] == "clicked"] == ["https://shop.example/sale"]


def test_a_second_run_writes_nothing(shop: Shop) -> None:
    read(shop, sent(shop))
    writing.write_all(shop.workspace)
    before = ids_in_lake(shop.workspace)
    assert writing.write_all(shop.workspace) == 0
    assert writing.write_all(shop.workspace, whole=True) == 0
    assert ids_in_lake(shop.workspace) == before and len(set(before)) == len(before)


def test_many_small_files_become_few(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hourly run adds a file; nothing is lost when they are put together."""
    monkeypatch.setattr(kept, "MOST_FILES", 2)
    send_outs = [shop.submit(shop.mail(shop.audience(mails(40), f"P{n}"), f"L{n}")) for n in range(2)]
    table = ""
    for moment in range(3):
        Recipient.objects.filter(send_out__in=send_outs).update(
            reported_at=timezone.now() + timedelta(hours=moment)
        )
        writing.write_all(shop.workspace)
        table = EventTable.objects.get().table.lake_table
    schema = lake.workspace_schema(shop.workspace)
    with lake.cursor() as handle:
        files = handle.execute(
            f"SELECT * FROM ducklake_list_files('lake', '{table}', schema => '{schema}')"
        ).fetchall()
    assert 0 < len(files) <= 3
    assert in_lake(shop.workspace) == of_ledger(*send_outs)


def test_a_later_report_takes_the_place_of_an_earlier_one(shop: Shop) -> None:
    send_out = sent(shop)
    writing.write_all(shop.workspace)
    row = shop.recipient(send_out, 3)
    assert row.state == "failed"
    Recipient.objects.filter(pk=row.pk).update(
        state="delivered", reason="", code="", reported_at=timezone.now()
    )
    assert writing.write_all(shop.workspace) == 1
    assert kinds(shop) == {"sent": 4, "delivered": 4} and in_lake(shop.workspace) == of_ledger(send_out)


@pytest.mark.parametrize("place", ["before", "within", "after"])
def test_a_worker_that_dies_neither_loses_nor_doubles(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    send_out = sent(shop)
    writing.write_all(shop.workspace)
    before = in_lake(shop.workspace)
    read(shop, send_out)
    whole = tables._count

    def die(*args: Any, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    def die_within(handle: Any, statement: str) -> int:
        whole(handle, statement)
        raise KeyboardInterrupt

    where: Any = {
        "before": (tables, "write", die),
        "within": (tables, "_count", die_within),
        "after": (WrittenSendOut.objects, "bulk_create", die),
    }
    with monkeypatch.context() as patched:
        patched.setattr(*where[place])
        with pytest.raises(KeyboardInterrupt):
            writing.write_all(shop.workspace)
    assert in_lake(shop.workspace) == (of_ledger(send_out) if place == "after" else before)
    writing.write_all(shop.workspace)
    assert in_lake(shop.workspace) == of_ledger(send_out)
    keys = ids_in_lake(shop.workspace)
    assert len(keys) == len(set(keys))


def test_two_runs_at_once_write_every_event_once(transactional_db: None, sandbox: Any) -> None:
    shop = Shop(sandbox)
    send_out = sent(shop)
    read(shop, send_out)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            writing.write_all(shop.workspace)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and EventTable.objects.count() == 1
    assert in_lake(shop.workspace) == of_ledger(send_out)


def ended(send_out: SendOut) -> None:
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=timezone.now() - retention.LEAST)


def test_events_are_written_before_the_rows_they_come_from_go(shop: Shop) -> None:
    send_out = sent(shop)
    read(shop, send_out)
    expected = of_ledger(send_out)
    ended(send_out)
    assert expiry.delete_old_recipients() == 1
    assert not Recipient.objects.exists() and in_lake(shop.workspace) == expected
    send_out.refresh_from_db()
    numbers = queries.effect(send_out)
    assert len({row[0] for row in expected if row[1] == "opened"}) == numbers["opened"]
    writing.write_all(shop.workspace, whole=True)
    assert in_lake(shop.workspace) == expected


def test_rows_stay_while_their_events_cannot_be_written(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = sent(shop)
    expected = of_ledger(send_out)
    ended(send_out)

    def broken(*args: Any) -> Any:
        raise OSError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(tables, "write", broken)
        expiry.delete_old_recipients()
    assert Recipient.objects.count() == 4 and not EventTable.objects.exists()
    expiry.delete_old_recipients()
    assert not Recipient.objects.exists() and in_lake(shop.workspace) == expected


def test_a_deletion_that_was_interrupted_takes_no_event_with_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_out = sent(shop)
    expected = of_ledger(send_out)
    ended(send_out)

    def die(key: str) -> None:
        Recipient.objects.filter(send_out=key).first().delete()  # type: ignore[union-attr]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(expiry, "delete_rows", die)
        with pytest.raises(KeyboardInterrupt):
            expiry.delete_old_recipients()
    expiry.delete_old_recipients()
    writing.write_all(shop.workspace, whole=True)
    assert not Recipient.objects.exists() and in_lake(shop.workspace) == expected


def test_send_outs_of_other_workspaces_stay_apart(shop: Shop) -> None:
    other = Shop(shop.sandbox)
    mine, theirs = sent(shop), sent(other)
    writing.write_all(shop.workspace)
    assert not EventTable.objects.in_workspace(other.workspace).exists()
    writing.write_all(other.workspace)
    assert in_lake(shop.workspace) == of_ledger(mine) and in_lake(other.workspace) == of_ledger(theirs)


def test_variants_are_told_apart(shop: Shop) -> None:
    pair = [
        contents.create_template(shop.access, "email", {"name": name, "subject": name, "text": name})
        for name in ("One", "Two")
    ]
    shares = [Share(template, 50) for template in pair]
    send_out = shop.submit(shop.mail(shop.audience(mails(20)), variants=shares))
    writing.write_all(shop.workspace)
    shop.run_jobs()
    dataset = Dataset.objects.get(name="Messages")
    with lake.cursor() as handle:
        path = lake.table_path(shop.workspace, dataset.lake_table)
        found = handle.execute(
            f"SELECT variant, template, count(*) FROM {path} WHERE type = 'sent' GROUP BY ALL ORDER BY 1"
        ).fetchall()
    counted = Counter(send_out.recipients.values_list("variant", flat=True))
    assert found == [("A", "One", counted[0]), ("B", "Two", counted[1])]


def test_a_run_is_due_every_hour_and_once_a_send_out_has_ended(shop: Shop) -> None:
    assert jobs.start_due() == 0
    send_out = sent(shop)
    assert jobs.start_due() == 1
    shop.run_jobs()
    assert EventRun.objects.get().workspace == shop.workspace and jobs.start_due() == 0
    EventRun.objects.update(ran_at=timezone.now() - timedelta(minutes=30))
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=timezone.now() - timedelta(minutes=40))
    assert jobs.start_due() == 0
    EventRun.objects.update(ran_at=timezone.now() - timedelta(minutes=61))
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=timezone.now() - timedelta(minutes=70))
    assert jobs.start_due() == 1
    shop.run_jobs()
    SendOut.objects.filter(pk=send_out.pk).update(finished_at=timezone.now())
    assert jobs.start_due() == 1
