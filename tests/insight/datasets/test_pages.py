"""The console's pages of datasets."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from insight.datasets import services
from insight.datasets.models import Dataset
from tests.insight.datasets.world import BEHAVIOUR, DEFINITION, MEMBERS, World

NEW = "new/?table=members&kind=user_tags"


def test_the_wizard_makes_a_dataset_from_what_it_proposes(world: World) -> None:
    columns = {"phone": {"role": "id", "id_type": "mobile"}, "member": {"role": "identifier", "alias": "No."}}
    columns["interests"] = {"role": "tag"}
    columns["gender"] = {"category": "Person / Basics", "pivot": False, "description": "As given"}
    answer = world.post(
        "new/", world.wizard(NEW, name="Made", description="By hand", rows_per_user="many", columns=columns)
    )
    assert answer.status_code == 302
    world.run_jobs()
    dataset = Dataset.objects.get(name="Made")
    assert (dataset.state, dataset.description) == ("ready", "By hand")
    gender = dataset.fields.get(column="gender")
    assert (gender.category.path, gender.pivot_enabled, gender.description) == (
        "Person / Basics",
        False,
        "As given",
    )
    assert dataset.fields.get(role="identifier").name == "No."


def test_the_wizard_shows_examples_and_masks_personal_ones(world: World) -> None:
    browser, base = world.browser()
    rows = {row["column"]: row for row in browser.get(base + NEW).context["rows"]}
    assert rows["gender"]["examples"] == "f · m" and "13800000001" not in rows["phone"]["examples"]


def test_errors_stand_at_their_column_and_nothing_typed_is_lost(world: World) -> None:
    columns = {
        "gender": {"alias": "Same"},
        "spend": {"alias": "Same", "category": "a/b/c/d"},
        "interests": {"role": "tag"},
    }
    answer = world.post("new/", world.wizard(NEW, name="", columns=columns))
    assert answer.status_code == 422
    rows = {row["column"]: row for row in answer.context["rows"]}
    assert rows["gender"]["alias"] == "Same" and "levels deep" in rows["spend"]["errors"][0]
    page = answer.content.decode()
    assert "User identifier: Say which column identifies people." in page and "Two tags are called" in page
    assert "name" in answer.context["errors"] and not Dataset.objects.exists()


def test_behaviour_without_a_type_says_so(world: World) -> None:
    roles = {"who": "identifier", "what": "", "n": "count", "money": "amount", "value": "", "attribute": ""}
    columns = {column: {"role": role} for column, role in roles.items()}
    sent = world.wizard("new/?table=events&kind=behaviour", columns=columns)
    answer = world.post("new/", sent)
    assert answer.status_code == 422 and "Give a constant or a column." in answer.content.decode()
    assert world.post("new/", {**sent, "constant": "purchase"}).status_code == 302


def test_editing_changes_what_was_touched_and_nothing_else(world: World) -> None:
    dataset = world.dataset()
    before = list(dataset.fields.values("column", "role", "name", "tag_type", "separator", "pivot_enabled"))
    sent = world.wizard(f"{dataset.pk}/edit/", name="Renamed")
    assert world.post(f"{dataset.pk}/edit/", sent).status_code == 302
    world.run_jobs()
    dataset.refresh_from_db()
    assert (dataset.name, dataset.version) == ("Renamed", 2)
    after = list(dataset.fields.values("column", "role", "name", "tag_type", "separator", "pivot_enabled"))
    assert sorted(after, key=str) == sorted(before, key=str)
    late = world.post(f"{dataset.pk}/edit/", sent)
    assert late.status_code == 422 and "meanwhile" in late.content.decode()


def test_editing_adds_and_removes_columns(world: World) -> None:
    dataset = world.dataset(tags=[{"column": "gender", "name": "Sex", "type": "enum"}])
    columns = {"spend": {"role": "tag", "alias": "Spend", "tag_type": "number"}, "gender": {"role": ""}}
    world.post(f"{dataset.pk}/edit/", world.wizard(f"{dataset.pk}/edit/", columns=columns))
    assert [item.column for item in dataset.fields.filter(role="tag")] == ["spend"]


def test_editing_keeps_a_column_that_is_used_twice(world: World) -> None:
    wide = {key: value for key, value in BEHAVIOUR.items() if not key.startswith(("object", "base"))}
    world.table(
        "events",
        "SELECT 'u' AS who, TIMESTAMP '2026-01-01' AS at_time, 'b' AS what, 1 AS n, 1.0 AS money, 'x' AS shop",
    )
    wide.update(channel="shop", object_columns=[{"column": "shop", "name": "Shop"}])
    dataset = world.dataset(wide)
    assert dataset.state == "ready"
    assert world.post(f"{dataset.pk}/edit/", world.wizard(f"{dataset.pk}/edit/")).status_code == 302
    assert set(dataset.fields.filter(column="shop").values_list("role", flat=True)) == {"channel", "object"}


def test_a_lost_column_stays_until_it_is_taken_out(world: World) -> None:
    dataset = world.dataset()
    world.table("members", f"SELECT * EXCLUDE (gender) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    browser, base = world.browser()
    assert "<del>Gender</del>" in browser.get(f"{base}{dataset.pk}/").content.decode()
    columns = {"gender": {"role": ""}}
    sent = world.wizard(f"{dataset.pk}/edit/", columns=columns)
    assert world.post(f"{dataset.pk}/edit/", sent).status_code == 302
    assert not dataset.fields.filter(column="gender").exists()


def test_the_page_of_a_dataset_shows_ids_warnings_and_refreshes(world: World) -> None:
    dataset = world.compute(world.dataset())
    browser, base = world.browser()
    page = browser.get(f"{base}{dataset.pk}/")
    text = page.content.decode()
    assert "not valid for" in text and "Repeated identifiers" in text and "0003" not in text
    assert [item["column"] for item in page.context["ids"]] == ["member", "phone"]
    assert [version.number for version in page.context["versions"]] == [2, 1]


def test_the_list_marks_defaults_schedules_and_warnings(world: World) -> None:
    world.dataset(refresh={"every": "week", "weekday": 1, "at": "05:00"})
    world.dataset(BEHAVIOUR)
    browser, base = world.browser()
    text = browser.get(f"{base}?kind=user_tags").content.decode()
    assert "Every Monday at 05:00" in text and "ti-star" in text and "ti-alert-triangle" in text
    assert "Events" not in text
    found = browser.get(f"{base}?q=events").context["rows"]
    assert [row["object"].name for row in found] == ["Events"]


def test_a_dataset_is_refreshed_made_default_and_removed_from_its_page(world: World) -> None:
    world.dataset()
    dataset = world.dataset(name="Second")
    world.post(f"{dataset.pk}/default/")
    world.post(f"{dataset.pk}/refresh/")
    world.run_jobs()
    dataset.refresh_from_db()
    assert dataset.is_default and dataset.version == 2
    assert world.post(f"{dataset.pk}/delete/").status_code == 302
    assert not Dataset.objects.filter(pk=dataset.pk).exists()


def test_the_wizard_proposes_the_parts_of_behaviour(world: World) -> None:
    browser, base = world.browser()
    rows = browser.get(f"{base}new/?table=events&kind=behaviour").context["rows"]
    assert {row["column"]: row["role"] for row in rows if row["role"]} == {
        "who": "identifier",
        "at_time": "time",
        "channel": "channel",
        "attribute": "object_key",
        "value": "object_value",
    }


@pytest.mark.parametrize("path", ["", "api"])
def test_lists_need_no_more_queries_for_more_datasets(world: World, path: str) -> None:
    browser, base = world.browser()
    url = f"/api/v1/workspaces/{world.workspace.slug}/datasets/" if path else base

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert browser.get(url).status_code == 200
        return len(found)

    services.create(world.access, DEFINITION)
    count()
    few = count()
    for number in range(4):
        services.create(world.access, {**DEFINITION, "name": f"More {number}"})
    assert count() == few


def test_going_back_to_the_choice_of_a_table_loses_nothing(world: World) -> None:
    browser, base = world.browser()
    sent = world.wizard(NEW, name="Half done", columns={"gender": {"alias": "Sex", "category": "Person"}})
    answer = browser.post(f"{base}new/", {**sent, "join": "add", "join-new": "events"})
    assert [join["table"] for join in answer.context["joins"]] == ["events"]
    joined = {
        "join-0-table": "events",
        "join-0-name": "events",
        "join-0-left-0": "member",
        "join-0-right-0": "who",
    }
    back = browser.post(f"{base}new/", {**sent, **joined, "step": "table"})
    page = browser.get(back.headers["Location"]).content.decode()
    assert "<option selected>members</option>" in page and 'value="user_tags" checked' in page
    again = browser.get(base + NEW).context
    assert again["values"]["name"] == "Half done"
    assert [join["table"] for join in again["joins"]] == ["events"]
    assert next(row for row in again["rows"] if row["column"] == "gender")["alias"] == "Sex"


def test_what_was_typed_for_one_table_does_not_show_for_another(world: World) -> None:
    browser, base = world.browser()
    browser.post(f"{base}new/", {**world.wizard(NEW, name="Half done"), "step": "table"})
    assert browser.get(f"{base}new/?table=events&kind=behaviour").context["values"]["name"] == "Events"


def test_the_list_is_as_it_was_after_a_look_at_one_dataset(world: World) -> None:
    dataset = world.dataset()
    browser, base = world.browser()
    browser.get(f"{base}?q=mem&sort=name")
    assert browser.get(f"{base}{dataset.pk}/").context["back_url"] == f"{base}?q=mem&sort=name"
    browser.get(base)
    assert browser.get(f"{base}{dataset.pk}/").context["back_url"] == base


def test_each_kind_offers_what_it_has(world: World) -> None:
    first, tags, behaviour = world.dataset(), world.dataset(name="Second"), world.dataset(BEHAVIOUR)
    browser, base = world.browser()
    analyse, names, categories, default = "analysis/?dataset=", "/names/", "/categories/", "/default/"
    of_tags = browser.get(f"{base}{tags.pk}/").content.decode()
    assert all(part in of_tags for part in (analyse, names, categories, default))
    of_behaviour = browser.get(f"{base}{behaviour.pk}/").content.decode()
    assert default not in browser.get(f"{base}{first.pk}/").content.decode()
    assert names in of_behaviour and analyse not in of_behaviour and categories not in of_behaviour


def test_the_list_leads_to_the_charts_of_each_kind(world: World) -> None:
    kinds = {"user_tags": world.dataset(), "behaviour": world.dataset(BEHAVIOUR)}
    kinds |= {kind: world.dataset(name=kind) for kind in ("rfm", "aipl", "item_tags")}
    for kind, dataset in kinds.items():
        Dataset.objects.filter(pk=dataset.pk).update(kind=kind, version=1)
    never = world.dataset(name="Never")
    Dataset.objects.filter(pk=never.pk).update(version=0)
    browser, base = world.browser()
    home = base.removesuffix("datasets/")
    page = browser.get(base).content.decode()
    assert f'href="{home}analysis/?dataset={kinds["user_tags"].pk}" title="Charts of' in page
    assert f'href="{home}behaviour/funnel/?dataset={kinds["behaviour"].pk}" title="Funnel of' in page
    assert f'href="{home}behaviour/paths/?dataset={kinds["behaviour"].pk}" title="Paths of' in page
    assert f'href="{home}rfm/?model={kinds["rfm"].pk}" title="RFM analysis of' in page
    assert f'href="{home}aipl/users/?model={kinds["aipl"].pk}" title="AIPL users of' in page
    for dataset in (kinds["item_tags"], never):
        assert f"dataset={dataset.pk}" not in page and f"model={dataset.pk}" not in page


def test_the_list_says_where_tables_come_from_and_what_is_wrong(world: World) -> None:
    dataset = world.dataset()
    Dataset.objects.filter(pk=dataset.pk).update(state="failed", error="The source table is no longer there.")
    browser, base = world.browser()
    page = browser.get(base).content.decode()
    assert "Built-in" in page and "The source table is no longer there." in page


def test_a_table_that_could_not_be_loaded_is_told_on_its_datasets(world: World) -> None:
    dataset = world.dataset()
    table = dataset.table
    assert table is not None
    table.error = "The database refused the password."
    table.save()
    browser, base = world.browser()
    page = browser.get(f"{base}{dataset.pk}/").content.decode()
    assert "could not be loaded the last time" in page and "The database refused the password." in page
