"""Short links in the console and the API: making, changing, stopping, removing, and what becomes of clicks."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import pytest
from django.db import connection

from admin_center.audit.models import AuditEntry, DownloadLog
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from insight.audiences.models import Audience
from insight.datasources.models import SourceTable
from marketing.content import services as contents
from marketing.links import codes, outcome, queries, services, usage
from marketing.links.models import ShortLink
from tests.factories import make_access
from tests.marketing.console import Browser, without_marketing
from tests.marketing.links.shop import TARGET, follow, make_link, make_shop


@pytest.fixture
def access(db: None) -> Any:
    return make_shop()


@pytest.fixture
def link(access: Any) -> ShortLink:
    return make_link(access)


def clicked(link: ShortLink, *mobiles: str) -> None:
    for mobile in mobiles:
        follow(link, f"?ph={codes.person_code(link.key, mobile)}")


@pytest.mark.parametrize("days", [0, -1, 2, 365])
def test_other_validities_are_refused(access: Any, days: int) -> None:
    with pytest.raises(ValidationFailed):
        make_link(access, days=days)


@pytest.mark.parametrize("removed", [False, True])
def test_a_code_that_was_ever_taken_is_drawn_again(
    access: Any, link: ShortLink, monkeypatch: Any, removed: bool
) -> None:
    if removed:
        services.delete(access, link)
    drawn = iter([link.code, link.code, "fresh1"])
    monkeypatch.setattr(codes, "new_code", lambda: next(drawn))
    assert make_link(access, name="Other").code == "fresh1"


@pytest.mark.django_db(transaction=True)
def test_links_made_at_once_with_one_code_get_two(monkeypatch: Any) -> None:
    access, real, thread = make_shop(), codes.new_code, threading.local()
    ready, made = threading.Barrier(4), []

    def same_at_first() -> str:
        if getattr(thread, "asked", False):
            return real()
        thread.asked = True
        ready.wait()
        return "same00"

    def make(number: int) -> None:
        try:
            made.append(make_link(access, name=str(number)).code)
        finally:
            connection.close()

    monkeypatch.setattr(codes, "new_code", same_at_first)
    threads = [threading.Thread(target=make, args=[number]) for number in range(4)]
    for item in threads:
        item.start()
    for item in threads:
        item.join()
    assert len(set(made)) == 4 and "same00" in made
    assert ShortLink.objects.count() == 4


def test_owners_and_administrators_change_a_link_and_others_see_it(access: Any, link: ShortLink) -> None:
    analyst = make_access(access.workspace, "analyst")
    for act in (
        lambda: services.rename(analyst, link, "Mine"),
        lambda: services.extend(analyst, link, 1),
        lambda: services.stop(analyst, link),
        lambda: services.delete(analyst, link),
        lambda: services.person_links(analyst, link, ["13800138000"]),
    ):
        with pytest.raises(PermissionDenied):
            act()
    own = make_link(analyst, name="Own")
    assert services.rename(access, own, "Renamed").name == "Renamed"
    assert Browser(analyst, "short-links/").get(f"{link.pk}/").status_code == 200


def test_every_change_is_in_the_audit_log_without_the_key(access: Any, link: ShortLink) -> None:
    services.rename(access, link, "Spring")
    services.extend(access, link, 30)
    services.stop(access, link)
    services.delete(access, link)
    entries = AuditEntry.objects.filter(workspace=access.workspace, action__startswith="short_link.")
    assert set(entries.values_list("action", flat=True)) == {
        f"short_link.{what}" for what in ("created", "renamed", "extended", "stopped", "deleted")
    }
    assert link.key not in str(list(entries.values()))


def test_the_key_is_encrypted_at_rest(link: ShortLink) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM links_shortlink")
        assert link.key not in cursor.fetchone()[0]


def test_a_link_in_use_stays_and_can_be_stopped(access: Any, link: ShortLink, monkeypatch: Any) -> None:
    monkeypatch.setitem(usage.USES._items, "test", lambda asked: ["Spring letter"] if asked == link else [])
    with pytest.raises(Conflict) as refused:
        services.delete(access, link)
    assert refused.value.code == "in_use"
    assert "Spring letter" in Browser(access, "short-links/").get(f"{link.pk}/delete/").content.decode()
    assert services.stop(access, link).state == "stopped"
    with pytest.raises(Conflict) as refused:
        services.stop(access, link)
    assert refused.value.code == "short_link_over"


def test_a_removed_link_takes_its_clicks_along(access: Any, link: ShortLink) -> None:
    follow(link)
    services.delete(access, link)
    assert not link.clicks.exists() and not queries.links(access.workspace).exists()


def test_each_number_gets_an_address_of_its_own(access: Any, link: ShortLink) -> None:
    mobiles = [f"1380013{number:04d}" for number in range(1000)]
    rows = services.person_links(access, link, [*mobiles, "12"])
    assert len({row["url"] for row in rows[:-1]}) == 1000 and rows[-1]["url"] is None
    assert all(str(row["url"]).startswith(f"{link.url}?ph=") for row in rows[:-1])


def test_the_console_makes_lists_filters_and_ends_links(access: Any) -> None:
    console = Browser(access, "short-links/")
    assert console.post("new/", name="Sale", target="https://evil.example/", days=7).status_code == 422
    made = console.post("new/", name="Sale", target=TARGET, days=7)
    link = ShortLink.objects.get()
    assert made.status_code == 302 and made["Location"].endswith(f"/short-links/{link.pk}/")
    follow(link)
    listed = console.get().content.decode()
    assert link.url in listed and TARGET in listed
    assert link.url in console.get(state="active").content.decode()
    assert console.post(f"{link.pk}/stop/").status_code == 302
    assert link.url not in console.get(state="active").content.decode()
    assert link.url in console.get(state="stopped").content.decode()
    assert console.post(f"{link.pk}/extend/", days=30).status_code == 302
    assert console.post(f"{link.pk}/rename/", name="Spring").status_code == 302
    assert "Spring" in console.get(export="csv").getvalue().decode()
    assert console.post(f"{link.pk}/delete/").status_code == 302
    assert "No short links yet" in console.get().content.decode()


def test_the_console_keeps_domains_for_administrators(access: Any) -> None:
    console = Browser(access, "short-links/domains/")
    assert console.post("new/", name="*.example.org").status_code == 302
    assert "*.example.org" in console.get().content.decode()
    analyst = Browser(make_access(access.workspace, "analyst"), "short-links/domains/")
    assert analyst.get().status_code == 200
    assert analyst.post("new/", name="*.example.net").status_code == 403


def test_the_list_asks_the_database_as_often_for_many_links(
    access: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        follow(make_link(access, name=str(number)))
    console = Browser(access, "short-links/")
    console.get()
    with django_assert_max_num_queries(16):
        console.get()


def test_numbers_for_people_are_downloaded_in_the_console(access: Any, link: ShortLink) -> None:
    answer = Browser(access, "short-links/").post(f"{link.pk}/people/", mobiles="13800138000\n12\n")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows == [["mobile", "url"], ["13800138000", link.url_for("13800138000")], ["12", ""]]


def test_clicks_are_downloaded_with_masked_numbers_and_noted(access: Any, link: ShortLink) -> None:
    clicked(link, "13800138000")
    follow(link)
    answer = Browser(access, "short-links/").get(f"{link.pk}/clicks/")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [row["person"] for row in rows] == ["138****8000", ""]
    assert rows[0]["device"] == "phone"
    assert DownloadLog.objects.get().rows == 2


def test_another_workspaces_link_is_not_found(access: Any) -> None:
    link = make_link(make_shop())
    assert Browser(access, "short-links/").get(f"{link.pk}/").status_code == 404


def test_short_links_need_the_permission(access: Any) -> None:
    assert without_marketing(access.workspace, "short-links/").get().status_code == 403


def test_who_clicked_becomes_an_audience(access: Any, link: ShortLink, run_jobs: Any) -> None:
    with pytest.raises(ValidationFailed):
        outcome.make_audience(access, link, {"name": "Clicked"})
    clicked(link, "13800138000", "13800138001", "13800138000")
    follow(link)
    made = Browser(access, "short-links/").post(f"{link.pk}/audience/", name="Clicked")
    assert made.status_code == 302
    run_jobs()
    assert Audience.objects.get(name="Clicked").count == 2


def test_clicks_become_a_table_of_behaviour_which_is_replaced(
    access: Any, link: ShortLink, run_jobs: Any
) -> None:
    console = Browser(access, "short-links/")
    assert console.post("table/").status_code == 302 and not SourceTable.objects.exists()
    for rows, mobile in ((1, "13800138000"), (2, "13800138001")):
        clicked(link, mobile)
        console.post("table/")
        run_jobs()
        table = SourceTable.objects.get(name="short_link_clicks")
        assert table.state == "ready" and table.rows == rows
    kinds = {column["name"]: column["type"] for column in table.columns}
    assert kinds["mobile"] == "text" and kinds["at"] == "datetime"


def test_the_api_does_what_the_console_does(access: Any, run_jobs: Any) -> None:
    client = Browser(access, "").client
    base = f"/api/v1/workspaces/{access.workspace.slug}/short-links/"

    def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = getattr(client, method)(base + path, body, content_type="application/json")
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    refused = call("post", "", {"name": "Sale", "target": "https://evil.example/", "days": 7}, 400)
    assert refused["code"] == "link_domain" and refused["errors"]["target"]
    made = call("post", "", {"name": "Sale", "target": TARGET, "days": 7}, 201)
    assert made["state"] == "active" and made["clicks"] == 0
    one = f"{made['id']}/"
    link = ShortLink.objects.get()
    rows = call("post", f"{one}person-links/", {"mobiles": ["13800138000"]})["results"]
    assert rows == [{"mobile": "13800138000", "url": link.url_for("13800138000")}]
    clicked(link, "13800138000")
    found = client.get(f"{base}{one}statistics/").json()
    assert found["clicks"] == found["people"] == found["named"] == 1
    assert len(found["hours"]) == 24 and len(found["days"]) == 1
    assert found["devices"] == [{"value": "phone", "clicks": 1, "people": 1}]
    assert found["regions"] == [{"value": "", "clicks": 1, "people": 1}]
    assert client.get(f"{base}{one}people/").json()["results"][0]["mobile"] == "138****8000"
    assert client.get(f"{base}{one}clicks/").status_code == 200
    assert call("patch", one, {"name": "Spring"})["name"] == "Spring"
    assert call("post", f"{one}stop/")["state"] == "stopped"
    assert call("post", f"{one}stop/", status=409)["code"] == "short_link_over"
    assert call("post", f"{one}extend/", {"days": 30})["state"] == "active"
    assert client.get(base).json()["results"][0]["clicks"] == 1
    assert call("post", f"{one}audience/", {"name": "Clicked"}, 202)["audience"]["name"] == "Clicked"
    assert call("post", "table/", status=202)["job"]
    run_jobs()
    call("delete", one, status=204)
    assert client.get(base + one).status_code == 404


def test_the_api_keeps_domains(access: Any) -> None:
    client = Browser(access, "").client
    base = f"/api/v1/workspaces/{access.workspace.slug}/link-domains/"
    made = client.post(base, {"name": "*.Example.org"}, content_type="application/json")
    assert made.status_code == 201 and made.json()["name"] == "*.example.org"
    assert client.get(base).json()["count"] == 2
    assert client.delete(f"{base}{made.json()['id']}/").status_code == 204


def test_a_template_with_a_variable_inside_a_short_link_is_refused(access: Any, link: ShortLink) -> None:
    with pytest.raises(ValidationFailed) as refused:
        contents.create_template(access, "sms", {"name": "Sale", "text": f"Look: {link.url}?a=${{city}}"})
    assert "text" in refused.value.errors
    contents.create_template(access, "sms", {"name": "Sale", "text": f"${{city}}: {link.url} ${{city}}"})
