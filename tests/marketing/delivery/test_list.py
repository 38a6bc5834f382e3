"""The list of send-outs: what each row says, what may be done with it, and how it is narrowed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from marketing.delivery import services
from marketing.delivery.models import SendOut
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails, numbers


def cells(browser: Browser, send_out: SendOut, **query: Any) -> dict[str, str]:
    """What the row shows, by column."""
    rows = browser.get(**query).context["rows"]
    row = next(row for row in rows if row["pk"] == send_out.pk)
    return {cell["column"].name: str(cell["value"]) for cell in row["cells"]}


def test_a_row_says_what_is_sent_to_how_many_and_how(shop: Shop) -> None:
    text = {"text": "A very long text about the spring sale in all of our shops by the sea"}
    draft = shop.sms(shop.audience(numbers(3)), template=text)
    row = cells(Browser(shop.access, "send-outs/"), draft)
    assert "spring sale" in row["name"] and f'title="{text["text"]}"' in row["name"]
    assert row["target"] == "3" and "Text platform" in row["channel"]
    assert row["kind"] == "At once"
    SendOut.objects.update(state="waiting", scheduled_at=timezone.now() + timedelta(days=1))
    assert "At a set time" in cells(Browser(shop.access, "send-outs/"), draft)["kind"]


def test_of_mails_the_subject_is_shown(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)), template={"subject": "Spring is here"})
    assert ">Spring is here<" in cells(Browser(shop.access, "send-outs/"), draft)["name"]


def test_the_people_of_several_audiences_are_at_most_their_sum_until_they_are_counted(shop: Shop) -> None:
    first, second = shop.audience(mails(3), "First"), shop.audience(mails(5), "Second")
    draft = shop.mail(first, audiences=[first, second])
    browser = Browser(shop.access, "send-outs/")
    assert cells(browser, draft)["target"] == "at most 8"
    shop.submit(draft)
    assert cells(browser, draft)["target"] == "5"


def test_a_draft_can_be_edited_copied_and_removed_from_its_row(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)))
    browser = Browser(shop.access, "send-outs/")
    row = cells(browser, draft)["actions"]
    assert (
        f'href="{browser.base}{draft.pk}/edit/"' in row and f'href="{browser.base}{draft.pk}/delete/"' in row
    )
    assert f'formaction="{browser.base}{draft.pk}/copy/"' in row
    browser.post(f"{draft.pk}/copy/")
    assert SendOut.objects.count() == 2


def test_what_has_been_sent_can_only_be_copied(shop: Shop) -> None:
    sent = shop.submit(shop.mail(shop.audience(mails(1))))
    row = cells(Browser(shop.access, "send-outs/"), sent)["actions"]
    assert "/copy/" in row and "/edit/" not in row and "/delete/" not in row


def test_nothing_can_be_done_about_one_that_leaves_in_a_moment_but_copy_it(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)))
    SendOut.objects.update(state="waiting", scheduled_at=timezone.now() + timedelta(minutes=5))
    row = cells(Browser(shop.access, "send-outs/"), draft)["actions"]
    assert "/copy/" in row and "/edit/" not in row and "/delete/" not in row


def test_a_paused_plan_can_be_edited_from_its_row_and_a_paused_send_out_cannot(shop: Shop) -> None:
    paused = shop.mail(shop.audience(mails(1)))
    SendOut.objects.update(state="paused")
    assert "/edit/" not in cells(Browser(shop.access, "send-outs/"), paused)["actions"]
    SendOut.objects.update(recurrence={"every": "day", "at": "10:00"})
    assert "/edit/" in cells(Browser(shop.access, "send-outs/"), paused)["actions"]


def test_other_peoples_send_outs_have_no_buttons_to_change_them(shop: Shop) -> None:
    draft = shop.mail(shop.audience(mails(1)))
    reader = Browser(make_access(shop.workspace, "analyst"), "send-outs/")
    assert "/edit/" not in cells(reader, draft)["actions"]


def test_the_list_is_narrowed_to_a_provider(shop: Shop, client: Any) -> None:
    audience = shop.audience(mails(1))
    first, second = shop.mail(audience, "First"), shop.mail(audience, "Second")
    page = Browser(shop.access, "send-outs/").get(provider=first.provider_id)
    assert [row["pk"] for row in page.context["rows"]] == [first.pk]
    base = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/?provider={second.provider_id}"
    found = client.get(base, headers={"Authorization": f"Bearer {make_token(shop.access)}"}).json()
    assert [row["id"] for row in found["results"]] == [second.pk]


@pytest.mark.parametrize("channel", ["", "custom"])
def test_the_id_type_is_a_column_of_the_custom_channel(shop: Shop, channel: str) -> None:
    draft = shop.mail(shop.audience(mails(1)))
    services.SendOut.objects.filter(pk=draft.pk).update(channel="custom", id_type="mobile")
    row = cells(Browser(shop.access, "send-outs/"), draft, channel=channel)
    assert row.get("id_type", "") == ("Mobile number" if channel else "")
