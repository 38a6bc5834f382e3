"""From every table there is a way to every kind of dataset, wherever the table lies."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from insight.datasources.models import SourceTable
from tests.factories import make_access
from tests.insight.datasets import places
from tests.insight.datasets.forms import untouched
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import World
from tests.insight.datasources import servers

KINDS = ("User tags", "Behaviour", "RFM model", "AIPL model", "Item tags")
WIZARD = {"User tags": "user_tags", "Behaviour": "behaviour", "Item tags": "item_tags"}


def ways(page: str) -> dict[str, str]:
    """The entries of the menu that makes datasets, with their addresses."""
    found = re.findall(
        r'<a class="dropdown-item" href="([^"]+)">([^<]+?)(?: <span[^>]*>[^<]*</span>)?</a>', page
    )
    return {label: html.unescape(url) for url, label in found if "/new/" in url or "/bring-in/" in url}


def shown(world: World, name: str, *args: Any, query: str = "") -> str:
    browser, _base = world.browser()
    answer = browser.get(reverse(name, args=[world.workspace.slug, *args]) + query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def click(world: World, found: dict[str, str], kind: str, table: str) -> None:
    """Follow a way to its end: the form of this kind, for this table."""
    browser, _base = world.browser()
    page = browser.get(found[kind], follow=True)
    assert page.status_code == 200
    if kind in WIZARD:
        assert (page.context["table"].name, page.context["kind"]) == (table, WIZARD[kind])
    elif kind == "RFM model":
        query = parse_qs(page.request["QUERY_STRING"])
        assert query["table"] == [table] and "amount" in page.context["form"].fields
        assert query.get("source") == parse_qs(urlsplit(found[kind]).query).get("source")
    else:
        assert page.context["table"] == table


def test_a_loaded_table_becomes_every_kind(world: World) -> None:
    table = world.table("events", "SELECT 'u' AS who, TIMESTAMP '2026-01-01' AS at_time, 1.5 AS money")
    found = ways(shown(world, "datasources:table", table.pk))
    assert tuple(found) == KINDS
    for kind in KINDS:
        click(world, found, kind, "events")
    listed = shown(world, "datasources:list")
    assert "Make a dataset of events" in listed and "datasets/new/?step=table&amp;table=events" in listed


def test_the_choice_of_kinds_also_leads_to_custom_tags(world: World) -> None:
    page = shown(world, "datasets:new", query="?step=table&table=members")
    custom = reverse("tags:custom-new", args=[world.workspace.slug])
    assert f'href="{custom}"' in page and all(f'value="{kind}"' in page for kind in WIZARD.values())
    browser, _base = world.browser()
    assert browser.get(custom).status_code == 200


def test_a_model_of_stages_begins_with_the_datasets_of_the_table(world: World) -> None:
    browser, base = world.browser()
    where = f"{base.replace('datasets', 'aipl')}new/?table=members"
    page = browser.get(where).content.decode()
    assert "none that has been computed is made of the table members" in page
    assert "new/?table=members&amp;kind=behaviour" in page
    world.dataset(
        name="Others", table="events", ids=[], user_id={"column": "who", "id_type": "one_id"}, tags=[]
    )
    dataset = world.dataset()
    answer = browser.get(where)
    assert (
        answer.context["chosen"] == dataset.pk and f'value="{dataset.pk}" selected' in answer.content.decode()
    )


def test_a_table_of_a_database_becomes_every_kind_without_a_copy(world: World, database: Place) -> None:
    found = ways(shown(world, "datasources:source-table", database.source, query="?table=purchases"))
    assert tuple(found) == KINDS
    assert "Make a dataset of purchases" in shown(world, "datasources:source-tables", database.source)
    for kind in KINDS:
        assert f"source={database.source}" in found[kind]
        click(world, found, kind, "purchases")
    chosen = shown(world, "datasets:new", query=f"?source={database.source}")
    assert all(f'value="{kind}"' in chosen for kind in (*WIZARD.values(), "rfm", "aipl"))


def test_a_model_of_stages_begins_with_the_datasets_of_a_table_in_a_database(
    world: World, database: Place
) -> None:
    world.dataset(places.DEFINITION)
    browser, base = world.browser()
    where = f"{base.replace('datasets', 'aipl')}new/?source={database.source}&table=members"
    page = browser.get(where)
    assert page.context["chosen"] == ""
    assert f"new/?source={database.source}&amp;table=members&amp;kind=behaviour" in page.content.decode()
    dataset = database.dataset(name="There")
    assert browser.get(where).context["chosen"] == dataset.pk


def test_a_table_that_is_copied_first_becomes_every_kind(world: World) -> None:
    with servers.postgresql_server() as server:
        server.run(f"CREATE TABLE purchases AS {places.WIDE_EVENTS}")
        source = places.connect(world, server, push_down=False)
        found = ways(shown(world, "datasources:source-table", source.pk, query="?table=purchases"))
        assert tuple(found) == KINDS and all("/bring-in/" in url for url in found.values())
        bring_in_and_go_on(world, found["RFM model"], source.pk, "purchases")


def bring_in_and_go_on(world: World, url: str, source: str, name: str) -> None:
    browser, _base = world.browser()
    answer = browser.post(url, untouched(browser.get(url).content.decode()))
    assert answer.status_code == 302 and answer.url.endswith("?kind=rfm")
    waiting = browser.get(answer.url).content.decode()
    assert "the way to your dataset goes on here: RFM model" in waiting and not ways(waiting)
    world.run_jobs()
    copied = browser.get(answer.url)
    assert "The table has been copied." in copied.content.decode()
    click(world, {"RFM model": copied.context["wanted"].url}, "RFM model", name)
    found = ways(shown(world, "datasources:source-table", source, query=f"?table={name}"))
    assert tuple(found) == KINDS
    for kind in KINDS:
        assert "source=" not in found[kind]
        click(world, found, kind, name)


@pytest.mark.parametrize("role", ["analyst"])
def test_who_may_make_no_dataset_is_offered_none(world: World, role: str) -> None:
    table = SourceTable.objects.get(name="members")
    person = make_access(world.workspace, role)
    browser, _base = world.browser(person)
    assert not person.can("insight.dataset.create")
    answer = browser.get(reverse("datasources:table", args=[world.workspace.slug, table.pk]))
    assert answer.status_code in (200, 403) and not ways(answer.content.decode())
