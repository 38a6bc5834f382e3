"""The list of all tags, the page of one, and the import of categories."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from admin_center.permissions.models import Role
from cdp.core.timezones import today
from insight.audiences import services as audiences
from insight.datasets import categories, tag_uses
from insight.datasets.models import Dataset, DatasetField, TagCategory
from insight.pushes import services as pushes
from insight.pushes.models import PushInterface
from insight.tags import rights
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE, World, make_tag_dataset, people_table


def use(world: World, column: str, kind: str, times: int = 1, ago: int = 1) -> None:
    day = today(world.workspace) - timedelta(days=ago)
    for _number in range(times):
        tag_uses.record(world.access, world.members.pk, [column], kind, day=day)


def names(page: Any) -> list[str]:
    return [row["object"].column for row in page.context["rows"]]


def test_numbers_on_top_narrow_the_list_down_and_search_stays_inside(world: World, browser: Any) -> None:
    use(world, "gender", "pivot", 2)
    use(world, "city", "push")
    use(world, "spend", "push", ago=40)
    page = browser("tags/")
    assert [number for _label, number, _url in page.context["overview"]] == [4, 2, 2]
    [_all, used, unused] = [url for _label, _number, url in page.context["overview"]]
    assert names(browser(f"tags/{used}")) == ["gender", "city"]
    assert set(names(browser(f"tags/{unused}"))) == {"interests", "spend"}
    assert names(browser(f"tags/{used}&q=cit")) == ["city"]
    assert names(browser(f"tags/{used}&period=60")) == ["gender", "city", "spend"]


def test_tags_are_sorted_by_each_kind_of_use(world: World, browser: Any, call: Any) -> None:
    use(world, "gender", "pivot", 3)
    use(world, "city", "selection", 2)
    use(world, "spend", "push", 4)
    for column, first in (("uses", "spend"), ("pivot_uses", "gender"), ("selection_uses", "city")):
        assert names(browser(f"tags/?sort=-{column}"))[0] == first
        found = call("get", f"tags/?ordering=-{column}").json()["results"]
        assert found[0]["column"] == first
    heat = {row["column"]: row["heat"] for row in found}
    assert heat["spend"] == {"total": 4, "pivot": 0, "selection": 0, "push": 4}
    assert call("get", "tags/overview/").json() == {"total": 4, "used": 3, "unused": 1}


def test_a_category_shows_the_tags_of_those_inside_it(world: World, browser: Any) -> None:
    inside = categories.at_path(world.access, "Person/Name")
    world.members.fields.filter(column="city").update(category=inside)
    outer = TagCategory.objects.get(name="Person")
    assert names(browser(f"tags/?category={outer.pk}")) == ["city"]
    assert "city" not in names(browser("tags/?category=none"))


def test_the_list_over_all_datasets_ends_at_its_limit(
    world: World, browser: Any, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "MOST_TAGS", 3)
    page = browser("tags/")
    assert page.context["page"].paginator.count == 3 and page.context["cut"]
    assert call("get", "tags/").json()["count"] == 3


def test_the_list_asks_as_often_for_many_tags_as_for_few(
    world: World, browser: Any, django_assert_max_num_queries: Any
) -> None:
    DatasetField.objects.bulk_create(
        DatasetField(dataset=world.members, column=f"t{n}", role="tag", tag_type="enum", name=f"T{n}")
        for n in range(20)
    )
    browser("tags/")
    with django_assert_max_num_queries(40):
        assert len(names(browser("tags/"))) == 24


def test_the_list_says_how_many_people_have_a_value_and_how_many_values_there_are(
    world: World, browser: Any, call: Any
) -> None:
    stats = {"filled": {"gender": 0.75}, "distinct": {"gender": 2}}
    Dataset.objects.filter(pk=world.members.pk).update(stats=stats)
    found = {row["column"]: row for row in call("get", "tags/").json()["results"]}
    assert (found["gender"]["filled"], found["gender"]["distinct"]) == (0.75, 2)
    assert (found["city"]["filled"], found["city"]["distinct"]) == (None, None)
    assert "75.0 %" in browser("tags/").content.decode()
    assert call("get", f"tags/{world.members.pk}/gender/").json()["distinct"] == 2


def test_whoever_sees_some_rows_only_is_not_told_the_numbers_of_all(world: World, call: Any) -> None:
    stats = {"filled": {"gender": 0.75}, "distinct": {"gender": 2}}
    Dataset.objects.filter(pk=world.members.pk).update(stats=stats, row_columns=["gender"])
    analyst = make_access(world.workspace, "analyst")
    assert call("get", f"tags/{world.members.pk}/gender/").json()["filled"] == 0.75
    assert call("get", f"tags/{world.members.pk}/gender/", access=analyst).json()["filled"] is None


def test_the_list_says_which_tag_could_not_be_computed_and_why(world: World, browser: Any, call: Any) -> None:
    def states() -> dict[str, tuple[str, str]]:
        rows = call("get", "tags/").json()["results"]
        return {row["column"]: (row["state"], row["failure"]) for row in rows}

    rows = Dataset.objects.filter(pk=world.members.pk)
    rows.update(state="ready")
    assert set(states().values()) == {("ready", "")}
    rows.update(stats={"failed": {"city": "No such table."}})
    assert states()["city"] == ("failed", "No such table.") and states()["gender"] == ("ready", "")
    assert 'title="No such table."' in browser("tags/").content.decode()
    rows.update(stats={}, state="failed", error="The source cannot be reached.")
    assert set(states().values()) == {("failed", "The source cannot be reached.")}
    rows.update(state="running")
    assert {state for state, _reason in states().values()} == {"running"}


def test_description_and_use_in_analysis_are_shown_to_those_who_choose_them(
    world: World, browser: Any
) -> None:
    world.members.fields.filter(column="city").update(description="Where they live")
    assert "Where they live" not in browser("tags/").content.decode()
    page = browser("tags/?columns=description&columns=pivot_enabled")
    assert "Where they live" in page.content.decode()
    assert [header["column"].name for header in page.context["headers"]][4:6] == [
        "description",
        "pivot_enabled",
    ]


def test_tags_of_datasets_without_a_grant_are_not_there(world: World, browser: Any, call: Any) -> None:
    make_tag_dataset(world.workspace, "Private", people_table(PEOPLE)).__class__.objects.filter(
        name="Private"
    ).update(public=False)
    analyst = make_access(world.workspace, "analyst")
    assert call("get", "tags/", access=analyst).json()["count"] == 4
    assert call("get", "tags/").json()["count"] == 8
    private = DatasetField.objects.filter(dataset__name="Private").first()
    assert private is not None
    path = f"{private.dataset_id}/gender/"
    assert browser(f"tags/of/{path}", access=analyst).status_code == 404
    assert call("get", f"tags/{path}", access=analyst).status_code == 404


def test_a_tag_is_renamed_described_and_put_into_a_category(world: World, browser: Any, call: Any) -> None:
    category = categories.create(world.access, "Person")
    path = f"tags/change/{world.members.pk}/gender/"
    sent = {"name": "Sex", "category": category.pk, "description": "As given", "pivot_enabled": "on"}
    assert browser(path, sent).status_code == 302
    item = world.members.fields.get(column="gender")
    assert (item.name, item.category, item.description) == ("Sex", category, "As given")
    assert browser(path, {**sent, "name": "City"}).status_code == 422
    answer = call("patch", f"tags/{world.members.pk}/gender/", {"name": "Gender", "category": None})
    assert answer.json()["name"] == "Gender" and answer.json()["category"] is None
    assert call("patch", f"tags/{world.members.pk}/gender/", {"colour": "red"}).status_code == 400


def test_a_tag_is_changed_by_managers_of_tags_only(world: World, browser: Any, call: Any) -> None:
    analyst = make_access(world.workspace, "analyst")
    assert call("patch", f"tags/{world.members.pk}/gender/", {"name": "X"}, analyst).status_code == 403
    assert browser(f"tags/change/{world.members.pk}/gender/", access=analyst).status_code == 403
    assert f"tags/change/{world.members.pk}/gender/" not in browser("tags/", access=analyst).content.decode()
    assert browser("tags/categories/import/", access=analyst).status_code == 403


def test_a_change_is_not_undone_by_somebody_with_the_older_dataset_open(world: World, call: Any) -> None:
    before = world.members.edit_version
    call("patch", f"tags/{world.members.pk}/gender/", {"name": "Sex"})
    world.members.refresh_from_db()
    assert world.members.edit_version == before + 1


def test_a_tag_leads_to_analysis_and_selection(world: World, browser: Any) -> None:
    context = browser(f"tags/of/{world.members.pk}/gender/").context
    opened = browser(context["pivot"].split(f"/{world.workspace.slug}/")[1]).context["groups"]
    assert [tag["column"] for group in opened for tag in group["tags"] if tag["shown"]] == ["gender"]
    rule = json.loads(parse_qs(urlsplit(context["selection"]).query)["rule"][0])
    assert (rule["tag"], rule["operator"]) == ("gender", "not_empty")
    # Charts show no numbers; their page offers ranges instead.
    context = browser(f"tags/of/{world.members.pk}/spend/").context
    assert context["pivot"] == "" and "custom/new" in context["ranges_url"]


def test_the_page_of_a_tag_shows_what_uses_it_and_how_its_values_lie(
    world: World, browser: Any, call: Any, computed: Any, run_jobs: Callable[..., Any]
) -> None:
    audiences.create(world.access, {"name": "Women only", "rule": world.women, "save_ids": ["one_id"]})
    other = make_access(world.workspace, "analyst")
    audiences.create(other, {"name": "Theirs", "rule": world.women, "save_ids": ["one_id"]})
    computed({"women": world.women})
    page = browser(f"tags/of/{world.members.pk}/gender/").content.decode()
    assert "Women only" in page and "Band" in page
    assert "Women only" not in browser(f"tags/of/{world.members.pk}/gender/", access=other).content.decode()
    found = call("get", f"tags/{world.members.pk}/gender/").json()
    assert {row["name"] for row in found["lineage"]["audiences"]} == {"Women only", "Theirs"}
    assert found["profile"]["values"] == [{"value": "f", "count": 4}, {"value": "m", "count": 3}]
    spread = call("get", f"tags/{world.members.pk}/spend/").json()["profile"]["spread"]
    assert spread == {"smallest": -5.0, "middle": 100.0, "largest": 500.01}


def test_ticked_custom_tags_are_refreshed_together(
    world: World, browser: Any, computed: Any, run_jobs: Callable[..., Any]
) -> None:
    tags = [computed({"women": world.women}, name=f"Tag {number}") for number in range(2)]
    plain = world.members.fields.get(column="gender")
    rows = [tag.field_id for tag in tags]
    assert browser("tags/", {"action": "refresh", "row": [*rows, plain.pk]}).status_code == 302
    [job] = run_jobs()
    assert sorted(job.params["only"]) == [tag.field.column for tag in tags]
    browser("tags/", {"action": "refresh", "row": [plain.pk]})
    assert not run_jobs()


def test_removing_a_custom_tag_says_what_can_no_longer_be_refreshed(
    world: World, browser: Any, computed: Any, run_jobs: Callable[..., Any]
) -> None:
    tag = computed({"women": world.women})
    rule = {
        "kind": "tag",
        "dataset": tag.field.dataset_id,
        "tag": tag.field.column,
        "operator": "not_empty",
    }
    audiences.create(world.access, {"name": "Asking", "rule": rule, "save_ids": ["one_id"]})
    run_jobs()
    assert "Asking" in browser(f"tags/custom/{tag.pk}/delete/").content.decode()
    assert browser(f"tags/custom/{tag.pk}/delete/", {}).status_code == 302
    assert not DatasetField.objects.filter(pk=tag.field_id).exists()


FILE = "level1,level2,level3,dataset,field\nPerson,,,,\nPerson,Body,,Members,gender\nPlace,,,Members,City\n"


def test_categories_and_their_tags_come_from_a_csv_file(world: World, browser: Any) -> None:
    file = SimpleUploadedFile("tree.csv", FILE.encode())
    assert browser("tags/categories/import/", {"file": file}).status_code == 302
    assert set(TagCategory.objects.values_list("path", flat=True)) == {"Person", "Person / Body", "Place"}
    placed = world.members.fields.filter(category__isnull=False)
    assert {row.column: row.category.path for row in placed} == {"gender": "Person / Body", "city": "Place"}


def test_categories_come_from_a_workbook_with_chinese_headings(world: World, call: Any) -> None:
    book = openpyxl.Workbook()
    for cells in (["一级类目", "二级类目", "数据集", "字段"], ["人", "性别", world.members.pk, "gender"]):
        book.active.append(cells)
    content = io.BytesIO()
    book.save(content)
    file = SimpleUploadedFile("tree.xlsx", content.getvalue())
    answer = call("post", "tags/categories/import/", {"file": file}, format="multipart")
    assert answer.json() == {"categories": 2, "tags": 1}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (FILE + "Person,,Deep,,\n", "rows/5"),
        (FILE + "Person,,,Members,nothing\n", "rows/5"),
        (FILE + "A/B,,,,\n", "rows/5"),
        ("one,two\n1,2\n", "file"),
        ("", "file"),
    ],
)
def test_a_file_with_a_bad_row_changes_nothing(world: World, call: Any, text: str, where: str) -> None:
    file = SimpleUploadedFile("tree.csv", text.encode())
    answer = call("post", "tags/categories/import/", {"file": file}, format="multipart")
    assert answer.status_code == 400 and where in answer.json()["errors"]
    assert not TagCategory.objects.exists()


def test_the_page_names_the_bad_rows(world: World, browser: Any) -> None:
    file = SimpleUploadedFile("tree.csv", (FILE + "Person,,,Members,nothing\n").encode())
    page = browser("tags/categories/import/", {"file": file})
    assert page.status_code == 422 and "nothing" in page.content.decode()
    assert page.context["problems"][0][0] == "5"


@pytest.mark.parametrize(("role", "shown"), [("analyst", True), ("developer", True), ("nobody", False)])
def test_the_menu_shows_tags_to_those_who_have_a_right_to_them(
    world: World, browser: Any, role: str, shown: bool
) -> None:
    if role == "nobody":
        from admin_center.permissions.models import Role

        Role.objects.create(
            workspace=world.workspace, code=role, kind="custom", permissions=["workspace.view"]
        )
    access = make_access(world.workspace, role)
    assert (browser("tags/", access=access).status_code == 200) is shown
    home = f"/w/{world.workspace.slug}/tags/"
    assert (f'href="{home}"' in browser("", access=access).content.decode()) is shown


def test_of_two_changes_of_a_tag_at_a_time_the_later_is_told(world: World, browser: Any, call: Any) -> None:
    page, address = f"tags/change/{world.members.pk}/gender/", f"tags/{world.members.pk}/gender/"
    [seen] = re.findall(r'name="edit_version" value="([^"]+)"', browser(page).content.decode())
    etag = call("get", address).headers["ETag"]
    assert html.unescape(seen) == etag
    changed = call("patch", address, {"name": "Sex"}, HTTP_IF_MATCH=etag)
    assert changed.status_code == 200 and changed.headers["ETag"] == call("get", address).headers["ETag"]
    assert call("patch", address, {"name": "Kind"}, HTTP_IF_MATCH=etag).status_code == 412
    assert call("patch", address, {"description": "As given"}, HTTP_IF_MATCH="*").status_code == 200
    sent = {"name": "Kind", "pivot_enabled": "on", "edit_version": html.unescape(seen)}
    late = browser(page, sent)
    assert late.status_code == 422 and "Somebody else has changed this tag" in late.content.decode()
    assert world.members.fields.get(column="gender").name == "Sex"
    # Another tag of the same dataset is another thing.
    other = f"tags/{world.members.pk}/city/"
    seen_city = call("get", other).headers["ETag"]
    call("patch", address, {"name": "Gender"})
    assert call("patch", other, {"name": "Town"}, HTTP_IF_MATCH=seen_city).status_code == 200


def test_whoever_manages_tags_arranges_their_categories(world: World, browser: Any, call: Any) -> None:
    points = ["workspace.view", "insight.tag.manage"]
    Role.objects.create(workspace=world.workspace, code="tagger", permissions=points)
    Role.objects.create(
        workspace=world.workspace, code="maker", permissions=["workspace.view", "insight.tag.custom"]
    )
    tagger, maker = make_access(world.workspace, "tagger"), make_access(world.workspace, "maker")
    assert "datasets/categories/" in browser("tags/", access=tagger).content.decode()
    assert browser("datasets/categories/new/", {"name": "Person"}, tagger).status_code == 302
    row = TagCategory.objects.get()
    page = browser("datasets/categories/", access=tagger).content.decode()
    assert f'data-category="{row.pk}"' in page and f'href="/w/{world.workspace.slug}/tags/"' in page
    made = call("post", "tag-categories/", {"name": "Body", "parent": row.pk}, tagger)
    assert made.status_code == 201
    seen = browser("datasets/categories/", access=maker).content.decode()
    assert "Body" in seen and "data-category=" in seen and "data-grip" not in seen
    assert call("get", "tag-categories/", access=maker).json()["count"] == 2
    assert call("patch", f"tag-categories/{row.pk}/", {"name": "X"}, maker).status_code == 403
    assert browser(f"datasets/categories/{row.pk}/delete/", {}, maker).status_code == 403
    assert call("delete", f"tag-categories/{row.pk}/", access=tagger).status_code == 204


def test_the_page_of_a_tag_names_the_periodic_pushes_that_send_it(
    world: World, browser: Any, call: Any, run_jobs: Callable[..., Any]
) -> None:
    women = audiences.create(
        world.access, {"name": "Women only", "rule": world.women, "save_ids": ["one_id"]}
    )
    run_jobs()
    config = {"url": "https://shop.example/", "secret": "shared words"}
    hook = PushInterface.objects.create(
        workspace=world.workspace, name="Shop system", target="webhook", config=config
    )
    sent = [
        {"kind": "id", "column": "user_unique_id", "alias": "id"},
        {"kind": "tag", "dataset": world.members.pk, "column": "city", "alias": "town"},
    ]
    pushes.set_periodic(
        world.access, women, hook, {"fields": sent, "refresh": {"every": "day", "at": "03:00"}}
    )
    found = call("get", f"tags/{world.members.pk}/city/").json()["lineage"]
    assert [row["name"] for row in found["others"]] == ["Women only → Shop system"]
    page = browser(f"tags/of/{world.members.pk}/city/")
    assert found["others"][0]["url"] in html.unescape(page.content.decode())
    assert browser(found["others"][0]["url"].split(f"/{world.workspace.slug}/")[1]).status_code == 200
    assert call("get", f"tags/{world.members.pk}/gender/").json()["lineage"]["others"] == []
    # Those who do not see the audience learn nothing of where it goes.
    other = make_access(world.workspace, "analyst")
    assert "Shop system" not in browser(f"tags/of/{world.members.pk}/city/", access=other).content.decode()
