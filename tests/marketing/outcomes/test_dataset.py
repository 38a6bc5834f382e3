"""The events as behaviour: made by itself, used in rules, not removed by mistake."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest
from django.utils import timezone

from admin_center.permissions.access import access_for
from cdp.core import timezones
from cdp.core.errors import Conflict
from insight.audiences import counting
from insight.datasets import services as datasets
from insight.datasets.models import Dataset, DatasetField
from insight.datasources import services as sources
from marketing.delivery.models import Recipient
from marketing.outcomes import writing
from marketing.outcomes.models import EventTable
from tests.factories import make_token
from tests.insight.audiences.world import make_dataset
from tests.marketing.console import Browser, without_marketing
from tests.marketing.delivery.shop import Shop, mails
from tests.marketing.outcomes.recount import in_lake


@pytest.fixture
def messages(shop: Shop) -> Dataset:
    """Of ten people, of whom five have opened."""
    send_out = shop.submit(shop.mail(shop.audience(mails(10))))
    opened = [f"u{number:06}" for number in range(0, 10, 2)]
    Recipient.objects.filter(send_out=send_out, person__in=opened).update(opened_at=timezone.now())
    writing.write_all(shop.workspace)
    shop.run_jobs()
    return Dataset.objects.get(kind="behaviour")


def bought(shop: Shop, people: list[str]) -> Dataset:
    today = timezones.today(shop.workspace)
    table = pa.table(
        {
            "user_unique_id": people,
            "at": pa.array([today] * len(people), pa.date32()).cast(pa.timestamp("us")),
            "type": ["purchase"] * len(people),
            "channel": pa.array([None] * len(people), pa.string()),
            "count": pa.array([1.0] * len(people), pa.float64()),
            "amount": pa.array([9.0] * len(people), pa.float64()),
        }
    )
    dataset = make_dataset(shop.workspace, "Purchases", "behaviour", table)
    columns = {"identifier": "user_unique_id", "time": "at", "type": "type"}
    DatasetField.objects.bulk_create(
        DatasetField(
            dataset=dataset,
            column=column,
            role=role,
            name=column,
            id_type="one_id" if role == "identifier" else "",
        )
        for role, column in columns.items()
    )
    return dataset


def test_it_is_an_ordinary_dataset_in_use_by_everybody(shop: Shop, messages: Dataset) -> None:
    assert (messages.name, messages.state, messages.public, messages.owner) == (
        "Messages",
        "ready",
        True,
        None,
    )
    assert messages.rows == len(in_lake(shop.workspace)) == 25 and messages.users == 10
    identifier = messages.fields.get(role="identifier")
    assert (identifier.id_type, identifier.encryption) == ("one_id", "plain")
    names = set(messages.fields.filter(role="object").values_list("name", flat=True))
    assert {"Send-out", "Campaign", "Template", "Variant", "Link", "Reason of failure"} <= names


def test_opened_but_did_not_buy_is_a_rule(shop: Shop, messages: Dataset) -> None:
    buyers = ["u000000", "u000001", "u000002"]
    purchases = bought(shop, buyers)
    window: dict[str, Any] = {"kind": "last_days", "days": 7, "include_today": True}
    did = {"kind": "behaviour", "did": True, "window": window}
    letter = [{"name": "Send-out", "operator": "in", "value": ["Letter"]}]
    rule = {
        "op": "subtract",
        "items": [
            {**did, "dataset": messages.pk, "type": ["opened"], "channel": ["email"], "objects": letter},
            {**did, "dataset": purchases.pk, "type": ["purchase"]},
        ],
    }
    opened = {row[0] for row in in_lake(shop.workspace) if row[1] == "opened"}
    found = counting.preview_counts(shop.access, rule)
    assert found["count"] == len(opened - set(buyers)) == 3


def test_new_events_refresh_it(shop: Shop, messages: Dataset) -> None:
    Recipient.objects.filter(person="u000001").update(opened_at=timezone.now())
    writing.write_all(shop.workspace)
    shop.run_jobs()
    messages.refresh_from_db()
    assert messages.rows == 26
    version = messages.version
    writing.write_all(shop.workspace)
    shop.run_jobs()
    messages.refresh_from_db()
    assert messages.version == version


def test_neither_it_nor_its_table_is_removed_or_loaded_over(shop: Shop, messages: Dataset) -> None:
    with pytest.raises(Conflict) as refused:
        datasets.delete(shop.access, messages)
    assert refused.value.code == "in_use"
    table = EventTable.objects.get().table
    with pytest.raises(Conflict) as refused:
        sources.delete_table(shop.access, table)
    assert refused.value.code == "table_kept"
    upload = sources.create_upload(shop.access, BytesIO(b"event_id\nx\n"), "x.csv")
    for append in (False, True):
        with pytest.raises(Conflict) as refused:
            sources.start_import(shop.access, upload, table.name, replace=table, append=append)
        assert refused.value.code == "table_kept"


def test_names_that_are_taken_stay_with_whoever_has_them(shop: Shop) -> None:
    bought(shop, ["u000000"])
    Dataset.objects.filter(name="Purchases").update(name="Messages")
    shop.submit(shop.mail(shop.audience(mails(1))))
    writing.write_all(shop.workspace)
    assert EventTable.objects.get().dataset.name == "Messages 2"  # type: ignore[union-attr]


def test_the_page_and_the_api_show_it_and_bring_it_up_to_date(
    shop: Shop, messages: Dataset, client: Any
) -> None:
    console = Browser(shop.access, "message-events/")
    page = console.get("").content.decode()
    assert "Messages" in page and f"/datasets/{messages.pk}/" in page and "Update now" in page
    Recipient.objects.filter(person="u000003").update(opened_at=timezone.now() - timedelta(minutes=1))
    assert console.post("update/").status_code == 302
    assert "disabled" in console.get("").content.decode()
    shop.run_jobs()
    headers = {"Authorization": f"Bearer {make_token(shop.access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/message-events/"
    [row] = client.get(url, headers=headers).json()["results"]
    assert (row["dataset"], row["id_type"], row["events"]) == (messages.pk, "one_id", 26)
    answer = client.post(f"{url}update/", headers=headers)
    assert answer.status_code == 202 and answer.json()["job"]["kind"] == "message_events.write"


def test_people_who_see_no_send_outs_are_refused(shop: Shop, client: Any) -> None:
    browser = without_marketing(shop.workspace, "message-events/")
    assert browser.get("").status_code == 403 and browser.post("update/").status_code == 403
    access = access_for(browser.user, shop.workspace)
    headers = {"Authorization": f"Bearer {make_token(access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/message-events/"
    assert client.get(url, headers=headers).status_code == 403
    assert client.post(f"{url}update/", headers=headers).status_code == 403
