"""Pages and API of RFM analysis."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from cdp.jobs.models import Job
from cdp.warehouse import get_engine
from insight.audiences import queries, refreshing
from insight.audiences import services as audiences
from insight.audiences.models import Audience, AudienceVersion
from insight.datasets.models import Dataset
from insight.rfm import figures, migration
from tests.factories import make_access, make_token
from tests.insight.audiences.translation import identify
from tests.insight.datasets.world import World
from tests.insight.rfm.models import of_orders, printed
from tests.insight.rfm.test_migration import SOME, TODAY


@pytest.fixture
def model(world: World) -> Dataset:
    return printed(world)


def console(world: World, user: Any = None) -> Client:
    client = Client()
    client.force_login(user or world.access.user)
    return client


def page(world: World, path: str = "") -> str:
    return f"/w/{world.workspace.slug}/rfm/{path}"


def embedded(body: str) -> Any:
    return json.loads(body.split('id="rfm-data" type="application/json">')[1].split("</script>")[0])


def test_a_model_of_customers_has_figures_and_no_trend(world: World, model: Dataset) -> None:
    body = console(world).get(page(world)).content.decode()
    assert "6,320" in body and "790.00" in body and "3.63" in body
    assert "data-rfm-trend" not in body and "Migration" not in body
    data = embedded(body)
    sizes = {group["type"]: (group["rs"], group["f"], group["m"]) for group in data["groups"]}
    assert sizes["key_keep"] == (1, 6, 1500) and data["trend"] is None


def test_a_model_of_transactions_has_trends_too(world: World) -> None:
    of_orders(world, SOME)
    body = console(world).get(page(world)).content.decode()
    assert body.count("data-rfm-trend=") == 4 and "rfm/migration/" in body
    assert sum(bucket["amount"] for bucket in embedded(body)["trend"]["buckets"]) == 640


def test_a_page_without_models_says_what_to_do(world: World) -> None:
    assert "No RFM model yet" in console(world).get(page(world)).content.decode()
    assert "No model of transactions" in console(world).get(page(world, "migration/")).content.decode()
    Dataset.objects.filter(pk=printed(world).pk).update(version=0)
    assert "Not computed yet" in console(world).get(page(world)).content.decode()


def test_a_model_that_was_never_computed_is_computed_from_the_page(world: World) -> None:
    model = of_orders(world, SOME)
    Dataset.objects.filter(pk=model.pk).update(version=0, state="new")
    browser = console(world)
    address = f"/w/{world.workspace.slug}/datasets/{model.pk}/refresh/"
    never = browser.get(page(world)).content.decode()
    assert "Compute now" in never and f'action="{address}"' in never
    assert browser.post(address).status_code == 302
    running = browser.get(page(world)).content.decode()
    assert "Being computed" in running and "Compute now" not in running
    Job.objects.all().delete()
    Dataset.objects.filter(pk=model.pk).update(state="failed")
    assert "has failed" in browser.get(page(world)).content.decode()
    Dataset.objects.filter(pk=model.pk).update(public=True)
    points = ["insight.analysis", "insight.dataset.view"]
    Role.objects.create(workspace=world.workspace, code="onlooker", name="Onlooker", permissions=points)
    looking = console(world, make_access(world.workspace, "onlooker").user).get(page(world)).content.decode()
    assert "Open the model" in looking and "Compute now" not in looking


def test_the_ticked_groups_become_the_condition_of_an_audience(world: World, model: Dataset) -> None:
    answer = console(world).get(page(world, f"{model.pk}/choose/?type=potential&type=high_value&type=no"))
    rule = json.loads(parse_qs(urlsplit(answer["Location"]).query)["rule"][0])
    assert rule == {"kind": "rfm", "dataset": model.pk, "types": ["high_value", "potential"]}
    made = audiences.create(world.access, {"name": "Two groups", "rule": rule})
    world.run_jobs()
    made.refresh_from_db()
    assert made.count == 2
    assert console(world).get(page(world, f"{model.pk}/choose/")).status_code == 400
    Dataset.objects.filter(pk=model.pk).update(
        definition={**model.definition, "compare": {"r": 9, "f": 9, "m": 9}}
    )
    world.compute(model)
    refreshing.refresh(world.access, made)
    world.run_jobs()
    made.refresh_from_db()
    assert made.count == 8, "all are low now, so the audience follows the model"


def test_samples_and_csv(world: World, model: Dataset) -> None:
    client = console(world)
    assert "1,500.00" in client.get(page(world, f"{model.pk}/samples/?type=key_keep")).content.decode()
    assert client.get(page(world, f"{model.pk}/samples/?type=best")).status_code == 400
    text = client.get(page(world, f"{model.pk}/groups.csv")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 8 and rows[1]["Amount"] == "1500.0" and rows[1]["Share of customers, %"] == "12.5"


def test_shares_of_the_page_the_file_and_the_api_are_the_same_and_add_up(
    world: World, model: Dataset
) -> None:
    groups = world.api()("get", f"datasets/{model.pk}/rfm/overview/").json()["groups"]
    client = console(world)
    text = client.get(page(world, f"{model.pk}/groups.csv")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    body = client.get(page(world, f"?model={model.pk}")).content.decode()
    shown = {row["type"]: row["percents"] for row in embedded(body)["groups"]}
    headings = {
        "users": "Share of customers, %",
        "amount": "Share of amount, %",
        "count": "Share of purchases, %",
    }
    for measure, heading in headings.items():
        percents = [group["percents"][measure] for group in groups]
        assert sum(round(10 * percent) for percent in percents) == 1000
        assert [float(row[heading]) for row in rows] == percents
        assert [shown[group["type"]][measure] for group in groups] == percents
        assert all(
            abs(p / 100 - group["shares"][measure]) < 0.001 for p, group in zip(percents, groups, strict=True)
        )
    assert all(f'data-share="{g["type"]}">{g["percents"]["users"]:.1f} %' in body for g in groups)


def test_the_members_of_an_audience_by_group(world: World, model: Dataset) -> None:
    rule = {"kind": "rfm", "dataset": model.pk, "types": ["key_keep", "potential"]}
    audience = audiences.create(world.access, {"name": "Some", "rule": rule})
    world.run_jobs()
    client = console(world)
    body = client.get(page(world, f"audience/{audience.pk}/")).content.decode()
    assert "2 of 2 members" in body and len(embedded(body)["groups"]) == 2
    detail = client.get(f"/w/{world.workspace.slug}/audiences/{audience.pk}/").content.decode()
    assert f"rfm/audience/{audience.pk}/" in detail
    answer = client.get(page(world, f"{model.pk}/choose/?type=potential&audience={audience.pk}"))
    rule = json.loads(parse_qs(urlsplit(answer["Location"]).query)["rule"][0])
    assert rule["op"] == "intersect" and rule["items"][1]["audience"] == audience.pk
    Dataset.objects.filter(pk=model.pk).delete()
    assert "No RFM model fits" in client.get(page(world, f"audience/{audience.pk}/")).content.decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user_id_type": "imei"}, "The audience knows its people by"),
        ({"user_id_type": ""}, "It is not known by which ID"),
    ],
)
def test_an_audience_whose_identifier_fits_no_model_says_so(
    world: World, model: Dataset, change: dict[str, str], words: str
) -> None:
    audience = audiences.create(
        world.access, {"name": "Some", "rule": {"kind": "rfm", "dataset": model.pk, "types": ["key_keep"]}}
    )
    world.run_jobs()
    audience.refresh_from_db()
    AudienceVersion.objects.filter(pk=audience.current_id).update(**change)
    answer = console(world).get(page(world, f"audience/{audience.pk}/"))
    assert answer.status_code == 200
    assert "No RFM model fits" in answer.content.decode() and words in answer.content.decode()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    path = f"/api/v1/workspaces/{world.workspace.slug}/datasets/{model.pk}/rfm/overview/"
    found = client.get(path, {"audience": audience.pk})
    assert (found.status_code, found.json()["code"]) == (409, "model_does_not_fit")


def test_an_audience_of_another_data_source_says_what_to_do(world: World, model: Dataset) -> None:
    audience = audiences.create(
        world.access, {"name": "Some", "rule": {"kind": "rfm", "dataset": model.pk, "types": ["key_keep"]}}
    )
    world.run_jobs()
    Audience.objects.filter(pk=audience.pk).update(source="src_elsewhere")
    answer = console(world).get(page(world, f"audience/{audience.pk}/"))
    assert answer.status_code == 200 and "No RFM model lives in the data source" in answer.content.decode()


def test_the_migration_and_an_audience_of_one_of_its_cells(world: World) -> None:
    model = of_orders(world, SOME)
    first = TODAY - timedelta(days=30)
    query = f"model={model.pk}&from={first}&to={TODAY}"
    client = console(world)
    body = client.get(page(world, f"migration/?{query}")).content.decode()
    assert "3 customers." in body and "before=outside" in body
    rows = list(
        csv.reader(io.StringIO(client.get(page(world, f"migration.csv?{query}")).content.decode("utf-8-sig")))
    )
    assert len(rows) == 10 and sum(int(row[-1]) for row in rows[1:]) == 3
    found = migration.migration(figures.open_model(world.access, model.pk), first, TODAY)
    before, after = next(cell for cell in found.matrix if cell[0] == migration.OUTSIDE)
    where = page(world, f"migration/audience/?{query}&before={before}&after={after}")
    assert "data-count>1<" in client.get(where).content.decode()
    answer = client.post(where, {"name": "Newcomers"})
    assert answer.status_code == 302, answer.content.decode()
    world.run_jobs()
    made = Audience.objects.get(name="Newcomers")
    assert made.count == found.matrix[before, after] == 1
    detail = client.get(f"/w/{world.workspace.slug}/audiences/{made.pk}/").content.decode()
    assert "Kept from an analysis" in detail and "Outside" in detail
    wrong = client.get(page(world, f"migration/?model={model.pk}&from={TODAY}&to={first}"))
    assert wrong.status_code == 422 and "before the last one" in wrong.content.decode()


def test_the_api(world: World) -> None:
    model, call = of_orders(world, SOME), world.api()
    base = f"datasets/{model.pk}/rfm/"
    overview = call("get", f"{base}overview/").json()
    assert overview["users"] == 3 and set(overview["compare"]) == {"r", "f", "m"}
    assert call("get", f"{base}trend/").json()["unit"] == "week"
    [*_rest, bucket] = (row for row in call("get", f"{base}trend/").json()["buckets"] if row["users"])
    kept = call("post", f"{base}trend/audiences/", {"start": bucket["start"], "name": "Buyers"})
    where = page(world, f"buyers/audience/?model={model.pk}&start={bucket['start']}")
    client = console(world)
    assert where.replace("&", "\\u0026") in client.get(page(world, f"?model={model.pk}")).content.decode()
    assert f"data-count>{bucket['users']}<" in client.get(where).content.decode()
    assert client.post(where, {"name": "Buyers of then"}).status_code == 302
    world.run_jobs()
    made = Audience.objects.get(pk=kept.json()["id"])
    assert made.count == Audience.objects.get(name="Buyers of then").count == bucket["users"]
    narrowed = {"start": bucket["start"], "name": "Some", "audience": made.pk}
    assert call("post", f"{base}trend/audiences/", narrowed).status_code == 201
    assert list(call("post", f"{base}trend/audiences/", {"name": "No"}).json()["errors"]) == ["start"]
    group = overview["groups"][0]["type"]
    assert call("get", f"{base}samples/?type={group}").json()["results"]
    days = {"from": str(TODAY - timedelta(days=30)), "to": str(TODAY)}
    matrix = call("get", f"{base}migration/?from={days['from']}&to={days['to']}").json()["matrix"]
    assert sum(cell["users"] for cell in matrix) == 3
    assert set(call("get", f"{base}migration/").json()["errors"]) == {"from", "to"}
    cell = next(cell for cell in matrix if cell["from"] == "outside")
    body = {**days, "before": cell["from"], "after": cell["to"], "name": "By API"}
    made = call("post", f"{base}migration/audiences/", body)
    assert made.status_code == 201, made.json()
    assert made.json()["origin"] == "analysis" and "table" not in made.json()["origin_detail"]
    assert (
        call("post", f"{base}migration/audiences/", {**body, "before": "x", "name": "No"}).status_code == 400
    )
    customers = printed(world)
    assert call("get", f"datasets/{customers.pk}/rfm/trend/").json()["code"] == "trend_not_possible"


def test_who_may_look_and_who_may_make_audiences(world: World, model: Dataset) -> None:
    scoped = make_token(world.access, "insight.dataset.view")
    path = f"/api/v1/workspaces/{world.workspace.slug}/datasets/{model.pk}/rfm/overview/"
    assert APIClient(HTTP_AUTHORIZATION=f"Bearer {scoped}").get(path).status_code == 403
    other = make_access()
    foreign = f"/w/{other.workspace.slug}/rfm/{model.pk}/groups.csv"
    client = Client()
    client.force_login(other.user)
    assert client.get(foreign).status_code == 404


def with_points(world: World, *points: str) -> Any:
    """Somebody with these rights only."""
    Role.objects.filter(workspace=world.workspace, code="analyst").update(permissions=list(points))
    return make_access(world.workspace, "analyst")


def test_figures_of_an_audience_need_the_right_to_analyse_audiences(world: World, model: Dataset) -> None:
    rule = {"kind": "rfm", "dataset": model.pk, "types": ["key_keep"]}
    audience = audiences.create(world.access, {"name": "Some", "rule": rule, "public": True})
    Dataset.objects.filter(pk=model.pk).update(public=True)
    world.run_jobs()
    query = f"?audience={audience.pk}"
    base, paths = f"datasets/{model.pk}/rfm/", ("overview/", "samples/{}type=key_keep")
    for point, statuses in (
        ("insight.analysis", {"": 200, query: 403}),
        ("insight.audience.analysis", {"": 403, query: 200}),
    ):
        reader = with_points(world, point)
        call, client = world.api(reader), console(world, reader.user)
        for asked, status in statuses.items():
            for path in paths:
                address = path.format(f"{asked}&" if asked else "?") if "{}" in path else path + asked
                assert call("get", base + address).status_code == status, (point, address)
            assert client.get(page(world, f"{model.pk}/groups.csv{asked}")).status_code == status
            assert (
                client.get(page(world, f"{model.pk}/samples/{asked or '?'}&type=key_keep")).status_code
                == status
            )


def test_an_audience_that_no_customer_is_in_shows_nought_everywhere(world: World, model: Dataset) -> None:
    nobody = {"op": "subtract", "items": [{"kind": "rfm", "dataset": model.pk, "types": ["key_keep"]}] * 2}
    audience = audiences.create(world.access, {"name": "Nobody", "rule": nobody})
    world.run_jobs()
    client = console(world)
    assert client.get(page(world, f"audience/{audience.pk}/")).status_code == 200
    found = world.api()("get", f"datasets/{model.pk}/rfm/overview/?audience={audience.pk}").json()
    assert (found["users"], found["amount_per_user"], found["groups"]) == (0, None, [])
    assert client.get(page(world, f"{model.pk}/groups.csv?audience={audience.pk}")).status_code == 200


def test_an_audience_of_another_id_is_translated_to_that_of_the_model(world: World, model: Dataset) -> None:
    groups = {"kind": "rfm", "dataset": model.pk, "types": ["key_keep", "high_value"]}
    audience = audiences.create(world.access, {"name": "Some", "rule": groups})
    world.run_jobs()
    audience.refresh_from_db()
    AudienceVersion.objects.filter(pk=audience.current_id).update(user_id_type="email")
    members = [row["user_unique_id"] for row in sample_members(audience)]
    identify(world, [{"email": members[0], "mobile": members[0]}])
    url = page(world, f"audience/{audience.pk}/")
    offer = console(world).get(url).content.decode()
    assert "Translate to Mobile number" in offer
    shown = console(world).get(url, {"model": model.pk, "translate": "1"}).content.decode()
    assert f"{len(members) - 1} of its people could not be." in shown
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    path = f"/api/v1/workspaces/{world.workspace.slug}/datasets/{model.pk}/rfm/overview/"
    refused = client.get(path, {"audience": audience.pk}).json()
    assert (refused["code"], refused["translations"]["audience"]["to"]) == ("model_does_not_fit", "mobile")
    found = client.get(path, {"audience": audience.pk, "translate": "1"}).json()
    assert found["users"] == 1
    choose = console(world).get(
        page(world, f"{model.pk}/choose/"), {"audience": audience.pk, "translate": "1", "type": "key_keep"}
    )
    assert "map" in choose["Location"]


def sample_members(audience: Audience) -> list[dict[str, Any]]:
    version = audience.current
    assert version is not None
    found: list[dict[str, Any]] = get_engine().execute(queries.members(version)).to_pylist()
    return found
