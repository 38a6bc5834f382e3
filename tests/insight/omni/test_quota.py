"""The ledger of IDs against a day-by-day reference."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client as DjangoClient
from hypothesis import given
from hypothesis import strategies as st

from admin_center.organizations import modules
from cdp.core import timezones
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from insight.omni import quota
from insight.omni.models import Intake, TagUse
from tests.factories import make_access, make_workspace
from tests.insight.audiences.test_audience_api import Client
from tests.insight.omni import world
from tests.insight.omni.world import manager

START = date(2026, 1, 1)
DAY = timedelta(days=1)
days = st.integers(0, 30)


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_uses_take_from_the_quota_that_ends_first() -> None:
    quotas = [("long", 100, day(0), day(300)), ("short", 50, day(0), day(10))]
    found = quota.standing(quotas, [(day(5), 70)], day(20))
    assert (found.used, found.owed, dict(found.spent)) == (70, 0, {"short": 50, "long": 20})
    assert found.left == 80


def test_what_finds_no_quota_is_owed_until_one_comes() -> None:
    early, late = ("early", 10, day(0), day(5)), ("late", 100, day(10), day(20))
    assert quota.standing([early], [(day(1), 30)], day(7)) == quota.Standing(30, 20, 0, {"early": 10})
    found = quota.standing([early, late], [(day(1), 30)], day(10))
    assert (found.owed, found.left, found.spent["late"]) == (0, 80, 20)


def test_of_quotas_of_the_same_days_the_older_one_is_used_first() -> None:
    quotas = [("z", 100, day(0), day(9)), ("a", 100, day(0), day(9))]
    assert dict(quota.standing(quotas, [(day(1), 30)], day(2)).spent) == {"z": 30, "a": 0}


def test_a_quota_that_is_over_leaves_nothing() -> None:
    assert quota.standing([("one", 10, day(0), day(5))], [], day(6)).left == 0


@given(
    st.lists(st.tuples(st.integers(1, 40), days, days), max_size=4),
    st.lists(st.tuples(days, st.integers(1, 30)), max_size=6),
    days,
)
def test_the_ledger_equals_a_walk_through_every_day(
    given_quotas: list[tuple[int, int, int]], given_uses: list[tuple[int, int]], today: int
) -> None:
    quotas = [
        (f"q{place}", amount, day(min(first, last)), day(max(first, last)))
        for place, (amount, first, last) in enumerate(given_quotas)
    ]
    uses = [(day(number), count) for number, count in given_uses]
    free = {key: amount for key, amount, _first, _last in quotas}
    owed = 0
    for number in range(today + 1):
        waiting = owed + sum(count for when, count in uses if when == day(number))
        for _unit in range(waiting):
            valid = [item for item in quotas if item[2] <= day(number) <= item[3] and free[item[0]]]
            if not valid:
                break
            first = min(valid, key=lambda item: (item[3], item[2], item[0]))
            free[first[0]] -= 1
            waiting -= 1
        owed = waiting
    found = quota.standing(quotas, uses, day(today))
    spent = {key: amount - free[key] for key, amount, _first, _last in quotas}
    left = sum(free[key] for key, _amount, first, last in quotas if first <= day(today) <= last)
    assert (found.owed, found.left, dict(found.spent)) == (owed, left, spent)


@pytest.mark.django_db
def test_only_managers_of_the_organization_add_quotas() -> None:
    access = make_access()
    with pytest.raises(PermissionDenied):
        quota.add(access, {"amount": 5})
    assert quota.add(manager(access), {"amount": 5}).amount == 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": "many"}, "amount"),
        ({"valid_to": "2020-01-01"}, "valid_to"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_in_a_quota_is_told_at_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        quota.add(manager(make_access()), {"amount": 5, **change})
    assert field in caught.value.errors


@pytest.mark.django_db
@pytest.mark.parametrize(("amount", "enough"), [(9_999, False), (10_000, True)])
def test_pushes_need_ten_thousand_ids_left(amount: int, enough: bool) -> None:
    access = manager(make_access())
    quota.add(access, {"amount": amount})
    if enough:
        quota.check(access.workspace)
    else:
        with pytest.raises(Conflict) as caught:
            quota.check(access.workspace)
        assert caught.value.code == "omni_resource_short"


@pytest.mark.django_db
def test_nothing_is_pushed_to_a_module_that_is_off() -> None:
    access = manager(make_access())
    quota.add(access, {"amount": 10_000})
    modules.switch(access.workspace.organization, {"omni_insight": False})
    with pytest.raises(Conflict) as caught:
        quota.check(access.workspace)
    assert caught.value.code == "module_off"


@pytest.mark.parametrize("day", ["9999-12-31", "tomorrow"])
def test_a_quota_of_an_impossible_day_is_refused(ready: Any, day: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        quota.add(ready, {"amount": 1, "valid_from": day})
    assert "valid_from" in caught.value.errors


def test_a_period_chooses_quotas_and_what_was_brought_in(ready: Any) -> None:
    today = timezones.today(ready.workspace)
    quota.add(ready, {"amount": 7, "valid_from": today - 60 * DAY, "valid_to": today - 50 * DAY})
    client = Client(ready)

    def found(query: str) -> tuple[list[int], int]:
        body = client.get(f"omni/quota/{query}").json()
        return sorted(row["amount"] for row in body["quotas"]), len(body["intakes"])

    assert found("") == ([7, 10**6], 1)
    assert found(f"?from={today}&to={today}") == ([10**6], 1)
    assert found(f"?to={today - DAY}") == ([7], 0)
    assert found(f"?from={today - 50 * DAY}") == ([7, 10**6], 1)
    assert found(f"?from={today - 49 * DAY}") == ([10**6], 1)
    assert found(f"?from={today + DAY}") == ([10**6], 0)


@pytest.mark.parametrize(("query", "field"), [("from=soon", "from"), ("from=2026-02-02&to=2026-02-01", "to")])
def test_an_impossible_period_is_refused(ready: Any, query: str, field: str) -> None:
    answer = Client(ready).get(f"omni/quota/?{query}")
    assert answer.status_code == 400 and field in answer.json()["errors"]


def test_the_page_of_resources_keeps_the_period(ready: Any) -> None:
    browser = DjangoClient()
    browser.force_login(ready.user, backend="admin_center.members.backends.NameOrEmailBackend")
    url = f"/w/{ready.workspace.slug}/omni/resources/"
    assert "Devices" in browser.get(url).content.decode()
    past = browser.get(f"{url}?to=2001-01-31").content.decode()
    assert "Nothing in this period." in past and "No quota is valid in this period." in past
    assert 'value="2001-01-31"' in past
    assert (
        "The last day is before the first."
        in browser.get(f"{url}?from=2002-01-01&to=2001-01-01").content.decode()
    )


def test_opening_a_tag_counts_as_a_use_through_the_api(ready: Any) -> None:
    assert Client(ready).get("omni/tags/sex/").status_code == 200
    assert TagUse.objects.in_workspace(ready.workspace).get(tag="sex").count == 1


def test_the_api_says_what_is_left_of_each_quota(ready: Any) -> None:
    client = Client(ready)
    [only] = client.get("omni/quota/").json()["quotas"]
    assert (only["amount"], only["left"]) == (10**6, 10**6 - 100)
    made = client.post("omni/quota/", {"amount": 500})
    assert made.status_code == 201 and made.json()["left"] == 500
    # What has been used stays with the older one, whatever their IDs are.
    for _more in range(4):
        client.post("omni/quota/", {"amount": 500})
    left = {row["left"] for row in client.get("omni/quota/").json()["quotas"]}
    assert left == {500, 10**6 - 100}
    first = str(timezones.today(ready.workspace) - DAY)
    assert client.post("omni/quota/", {"amount": 500, "valid_to": first}).status_code == 400


def test_managers_see_what_all_workspaces_of_the_organization_brought_in(
    ready: Any, run_jobs: world.RunJobs
) -> None:
    other = make_access(make_workspace(ready.workspace.organization, name="Second shop"), user=ready.user)
    theirs = world.uploaded(other, "Theirs", [world.imei(number) for number in range(95, 110)], run_jobs)
    world.brought_in(other, theirs, run_jobs)
    foreign = make_access()
    Intake.objects.create(workspace=foreign.workspace, push="p", audience="a", audience_name="Foreign")
    browser = DjangoClient()
    browser.force_login(ready.user, backend="admin_center.members.backends.NameOrEmailBackend")
    url = f"/w/{ready.workspace.slug}/omni/resources/"
    assert "Theirs" not in browser.get(url).content.decode()
    page = browser.get(f"{url}?of=all").content.decode()
    assert "Theirs" in page and "Second shop" in page and "Foreign" not in page
    body = Client(ready).get("omni/quota/?of=all").json()
    fresh = {row["workspace"]: row["fresh"] for row in body["intakes"]}
    assert fresh == {ready.workspace.slug: 100, other.workspace.slug: 10} and body["used"] == 110
    colleague = make_access(ready.workspace, "analyst")
    assert Client(colleague).get("omni/quota/?of=all").status_code == 403
    assert len(Client(colleague).get("omni/quota/").json()["intakes"]) == 1
    browser.force_login(colleague.user, backend="admin_center.members.backends.NameOrEmailBackend")
    assert "Theirs" not in browser.get(f"{url}?of=all").content.decode()
