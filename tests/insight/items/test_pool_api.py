"""The REST API and the pages of item pools: the main path, errors, rights, other workspaces."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from admin_center.audit.models import DownloadLog
from admin_center.permissions.models import Role
from insight.items import reading, services
from insight.items.models import ItemPool
from insight.items.rights import USE
from tests.factories import make_access
from tests.insight.items.shop import Shop


def with_rights(shop: Shop, *points: str) -> Any:
    """Somebody whose only role holds these points."""
    workspace = shop.place.world.workspace
    role = Role.objects.create(workspace=workspace, code="custom", name="Custom", permissions=list(points))
    return make_access(workspace, role.code)


def lines(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_main_path_from_estimate_to_csv(any_shop: Shop) -> None:
    shop, call = any_shop, any_shop.place.world.api()
    rule = {"op": "intersect", "items": [shop.red, shop.tag("price", "not_empty")]}
    wanted = sorted(shop.expected(rule))
    counted = call("post", "item-pools/estimate/", {"rule": rule}).json()
    assert counted["count"] == len(wanted) and counted["elapsed_ms"] >= 0
    assert [part["path"] for part in counted["conditions"]] == ["items/0", "items/1"]
    look = call("post", "item-pools/preview-items/", {"rule": rule}).json()
    assert (look["count"], [row[0] for row in look["rows"]]) == (len(wanted), wanted)
    assert [column["label"] for column in look["columns"]][:4] == ["Item ID", "Item name", "Colour", "Price"]
    words = call("post", "item-pools/summary/", {"rule": rule}).json()
    assert words == {"text": "Colour is red, AND Price has a value", "warnings": []}

    made = call("post", "item-pools/", {"name": "Red", "rule": rule, "remark": "for spring"})
    assert made.status_code == 201 and made.json()["state"] == "waiting"
    key = made.json()["id"]
    shop.place.world.run_jobs()
    pool = call("get", f"item-pools/{key}/").json()
    assert (pool["count"], pool["version"], pool["dataset"]) == (len(wanted), 1, shop.dataset.pk)
    assert (pool["dataset_version"], pool["reason"], pool["owner"]) == (1, None, shop.access.user.username)
    for query in ("search=spring", f"dataset={shop.dataset.pk}", "state=succeeded"):
        assert [row["id"] for row in call("get", f"item-pools/?{query}").json()["results"]] == [key]
    assert call("get", "item-pools/?state=failed").json()["results"] == []

    page = call("get", f"item-pools/{key}/items/?page_size=2&page=2").json()
    rows = {row["sku"]: row for row in shop.rows}
    assert page["count"] == len(wanted)
    assert [row["item_id"] for row in page["results"]] == wanted[2:4]
    first = page["results"][0]
    assert first["item_name"] == rows[wanted[2]]["title"] and first["colour"] == "red"
    found = call("get", f"item-pools/{key}/items/?search={wanted[0].lower()}").json()
    assert [row["item_id"] for row in found["results"]] == wanted[:1]

    table = lines(call("get", f"item-pools/{key}/export/"))
    assert table[0] == ["item_id", "item_name", "colour", "sizes", "price", "launched"]
    assert [line[0] for line in table[1:]] == wanted
    for line in table[1:]:
        row = rows[line[0]]
        assert line[3] == ", ".join(sorted(row["sizes"] or []))
        assert float(line[4]) == row["price"]
        assert line[5] == (str(row["launched"]) if row["launched"] else "")
    logged = DownloadLog.objects.get(workspace=shop.place.world.workspace)
    assert (logged.rows, logged.object_id) == (len(wanted), key)

    job = call("post", f"item-pools/{key}/refresh/")
    assert job.status_code == 202 and job.json()["job"]["kind"] == "item_pool.compute"
    assert call("post", f"item-pools/{key}/refresh/").json()["code"] == "pool_busy"
    shop.place.world.run_jobs()
    copied = call("post", f"item-pools/{key}/copy/", {"name": "Red again"})
    assert copied.status_code == 201 and copied.json()["rule"] == pool["rule"]
    assert call("delete", f"item-pools/{key}/").status_code == 204
    assert call("get", f"item-pools/{key}/").status_code == 404


def test_a_lost_update_is_refused(shop: Shop) -> None:
    call, pool = shop.place.world.api(), shop.pool()
    url = f"item-pools/{pool.pk}/"
    seen = call("get", url).headers["ETag"]
    assert call("patch", url, {"name": "Scarlet"}, HTTP_IF_MATCH=seen).status_code == 200
    again = call("patch", url, {"name": "Crimson"}, HTTP_IF_MATCH=seen)
    assert (again.status_code, again.json()["code"]) == (412, "lost_update")


def test_errors_of_the_rule_name_their_place(shop: Shop) -> None:
    call = shop.place.world.api()
    rule = {"op": "subtract", "items": [shop.red, shop.red]}
    for path in ("estimate", "preview-items", "summary"):
        answer = call("post", f"item-pools/{path}/", {"rule": rule})
        assert answer.status_code == 400 and list(answer.json()["errors"]) == ["rule/op"]
    answer = call("post", "item-pools/", {"rule": rule, "colour": "red"})
    assert set(answer.json()["errors"]) == {"name", "rule/op", "colour"}


def test_a_pool_without_items_yet_has_no_page_and_no_file(shop: Shop) -> None:
    call = shop.place.world.api()
    pool = services.create(shop.access, {"name": "Red", "rule": shop.red})
    for part in ("items", "export"):
        answer = call("get", f"item-pools/{pool.pk}/{part}/")
        assert (answer.status_code, answer.json()["code"]) == (409, "pool_not_ready")


def test_the_right_to_recommend_is_needed(shop: Shop) -> None:
    pool = shop.pool()
    call = shop.place.world.api(make_access(shop.place.world.workspace, "analyst"))
    for path in ("item-pools/", f"item-pools/{pool.pk}/"):
        answer = call("get", path)
        assert (answer.status_code, answer.json()["point"]) == (403, USE)


def test_pools_of_datasets_without_a_grant_are_not_there(shop: Shop) -> None:
    pool = shop.pool()
    somebody = with_rights(shop, USE)
    call = shop.place.world.api(somebody)
    assert call("get", "item-pools/").json()["results"] == []
    assert call("get", f"item-pools/{pool.pk}/").status_code == 404
    assert call("post", "item-pools/", {"name": "Mine", "rule": shop.red}).status_code == 400
    shop.dataset.public = True
    shop.dataset.save()
    assert [row["id"] for row in call("get", "item-pools/").json()["results"]] == [pool.pk]
    assert call("patch", f"item-pools/{pool.pk}/", {"name": "Mine"}).status_code == 403
    assert call("post", f"item-pools/{pool.pk}/copy/", {"name": "Mine"}).status_code == 201


def test_who_lost_the_dataset_sees_of_the_own_pool_ids_and_names_alone(shop: Shop) -> None:
    shop.dataset.public = True
    shop.dataset.save()
    maker = with_rights(shop, USE)
    pool = shop.finish(services.create(maker, {"name": "Mine", "rule": shop.red}))
    shop.dataset.public = False
    shop.dataset.save()
    found = reading.Items(maker, pool)
    assert [column.name for column in found.columns] == ["item_id", "item_name"]
    assert set(found.page(offset=0, size=1)[0]) == {"item_id", "item_name"}
    table = lines(shop.place.world.api(maker)("get", f"item-pools/{pool.pk}/export/"))
    assert table[0] == ["item_id", "item_name"] and len(table) == pool.count + 1


def test_cells_that_a_spreadsheet_would_run_are_escaped(shop: Shop) -> None:
    shop.write([{**row, "title": "=1+1", "colour": "red"} for row in shop.rows])
    pool = shop.pool()
    table = lines(shop.place.world.api()("get", f"item-pools/{pool.pk}/export/"))
    assert {line[1] for line in table[1:]} == {"'=1+1"}


def test_items_that_have_left_the_dataset_stay_with_their_names(shop: Shop) -> None:
    pool = shop.pool()
    gone = sorted(shop.expected(shop.red))[0]
    name = next(row["title"] for row in shop.rows if row["sku"] == gone)
    shop.write([row for row in shop.rows if row["sku"] != gone])
    rows = shop.place.world.api()("get", f"item-pools/{pool.pk}/items/").json()["results"]
    first = next(row for row in rows if row["item_id"] == gone)
    assert (first["item_name"], first["colour"]) == (name, None)


def test_the_editor_offers_item_tags_and_their_values(shop: Shop) -> None:
    browser, _base = shop.place.world.browser()
    base = f"/w/{shop.place.world.workspace.slug}/item-pools/builder/"
    info = browser.get(f"{base}fields/{shop.dataset.pk}/").json()
    assert (info["dataset"]["users"], info["dataset"]["version"]) == (40, 1)
    assert [(tag["column"], tag["type"], tag["category"]) for tag in info["tags"]] == [
        ("item_id", "text", "Item"),
        ("item_name", "text", "Item"),
        ("colour", "enum", "Look"),
        ("sizes", "multi", ""),
        ("price", "number", ""),
        ("launched", "date", ""),
    ]
    colours = browser.get(f"{base}values/{shop.dataset.pk}/colour/").json()["results"]
    counts = {row["value"]: row["count"] for row in colours}
    assert counts["red"] == len(shop.expected(shop.red)) and set(counts) == {"red", "blue", "Ärmel"}
    [found] = browser.get(f"{base}values/{shop.dataset.pk}/item_id/?search=a007").json()["results"]
    assert (found["value"], found["count"]) == ("A007", 1)
    assert found.get("label") == next(row["title"] for row in shop.rows if row["sku"] == "A007")
    members = shop.place.world.dataset()
    assert browser.get(f"{base}fields/{members.pk}/").status_code == 404
    assert browser.get(f"{base}values/{members.pk}/gender/").status_code == 404


def test_the_pages_show_the_pool_and_what_is_wrong_with_it(shop: Shop) -> None:
    browser, _base = shop.place.world.browser()
    base = f"/w/{shop.place.world.workspace.slug}/item-pools/"
    pool = shop.pool(remark="for spring")
    listed = browser.get(base).content.decode()
    assert "for spring" in listed and "Catalogue" in listed
    assert "Colour is red" in browser.get(f"{base}{pool.pk}/card/source/").content.decode()
    shown = browser.get(f"{base}{pool.pk}/").content.decode()
    assert "Colour is red" in shown and "The dataset is newer" not in shown
    part = browser.get(f"{base}{pool.pk}/items/?q=a0").content.decode()
    assert sorted(shop.expected(shop.red))[0] in part
    shop.write([{**row, "colour": "blue"} for row in shop.rows])
    assert "The dataset is newer" in browser.get(f"{base}{pool.pk}/").content.decode()
    browser.post(f"{base}{pool.pk}/refresh/")
    shop.finish(pool)
    failed = browser.get(f"{base}{pool.pk}/").content.decode()
    assert "No item fits the conditions" in failed and "still those of the version before" in failed
    browser.post(f"{base}{pool.pk}/delete/")
    assert not ItemPool.objects.exists()


def test_the_list_costs_the_same_queries_however_many_pools(
    shop: Shop, django_assert_num_queries: Any
) -> None:
    browser, _base = shop.place.world.browser()
    base = f"/w/{shop.place.world.workspace.slug}/item-pools/"
    shop.pool()
    browser.get(base)
    with CaptureQueriesContext(connection) as one:
        browser.get(base)
    for number in range(5):
        shop.pool(name=f"Red {number}")
    with django_assert_num_queries(len(one)):
        browser.get(base)
