"""Recognition of pushed IDs, and what is special about people."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from cdp import lake
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.jobs.models import Job
from insight.omni import features, quota, receiving, reports, state, tables, uses
from insight.omni import pack as packs
from insight.omni.models import InsightReport, Intake, TagDay, TagPack
from tests.factories import make_access, make_token, make_workspace
from tests.insight.omni import world


@pytest.mark.parametrize(
    ("count", "people", "baseline", "expected"),
    [
        (240, 1000, 0.12, 200),
        (50, 1000, 0.07, 71),
        (1, 3, 0.5, 67),
        (5, 1000, 0.1, 5),
        (1, 2, 0.0, None),
        (0, 0, 0.5, None),
    ],
)
def test_tgi_is_rounded_half_up(count: int, people: int, baseline: float, expected: int | None) -> None:
    assert features.tgi(count, people, baseline) == expected


def test_a_tgi_of_exactly_a_half_is_rounded_up() -> None:
    assert features.tgi(1, 8, 0.1) == 125 and features.tgi(1, 16, 0.1) == 63


def test_the_module_goes_through_its_states(access: Any, run_jobs: world.RunJobs) -> None:
    workspace = access.workspace
    assert state.of(workspace) == "disabled"
    world.installed(access, run_jobs)
    assert state.of(workspace) == "empty"
    made = world.uploaded(access, "Some", [world.imei(1)], run_jobs)
    world.brought_in(access, made, run_jobs)
    assert state.of(workspace) == "ready"
    Intake.objects.update(state="waiting")
    assert state.of(workspace) == "initialising"


def test_only_ids_of_the_pack_count_each_once(ready: Any) -> None:
    row = Intake.objects.get()
    assert (row.pushed, row.recognised, row.fresh, row.devices) == (130, 100, 100, 100)
    assert state.figures(ready)["connected"] == 100
    assert state.shown_quota(ready) == {"used": 100, "owed": 0, "left": 999_900}


def test_pushing_the_same_people_again_uses_nothing(ready: Any, run_jobs: world.RunJobs) -> None:
    again = world.uploaded(ready, "Again", [world.imei(number) for number in range(50, 110)], run_jobs)
    world.brought_in(ready, again, run_jobs)
    assert Intake.objects.get(audience=again.pk).fresh == 10
    assert state.figures(ready)["connected"] == 110


def test_another_workspace_of_the_organization_shares_the_ledger(ready: Any, run_jobs: world.RunJobs) -> None:
    other = make_access(make_workspace(ready.workspace.organization))
    made = world.uploaded(other, "Theirs", [world.imei(number) for number in range(95, 105)], run_jobs)
    world.brought_in(other, made, run_jobs)
    assert Intake.objects.get(audience=made.pk).fresh == 5
    assert quota.remaining(ready.workspace) == 999_895
    assert state.figures(other)["connected"] == 10


@pytest.mark.parametrize("form", ["md5", "sha256"])
def test_hashed_ids_are_recognised_in_their_form(access: Any, run_jobs: world.RunJobs, form: str) -> None:
    hashed = [hashlib.new(form, world.imei(number).encode()).hexdigest() for number in range(3)]
    text = f"imei_{form},sex,style\n" + "".join(f"{value},f,bold\n" for value in hashed)
    for name, content in (("pack", text), ("tags", world.TAGS)):
        world.table(access, name, content, run_jobs)
    packs.install(world.manager(access), {"name": "One", "pack": "pack", "tags": "tags"})
    run_jobs()
    quota.add(access, {"amount": 10**6})
    made = world.uploaded(access, "Some", [world.imei(number) for number in range(5)], run_jobs)
    world.brought_in(access, made, run_jobs, encryption=form)
    assert Intake.objects.get().recognised == 3


def test_the_push_replaces_what_its_audience_brought_before(ready: Any, run_jobs: world.RunJobs) -> None:
    made = world.uploaded(ready, "Few", [world.imei(number) for number in range(110, 114)], run_jobs)
    world.brought_in(ready, made, run_jobs)
    first = Intake.objects.get(audience=made.pk)
    world.brought_in(ready, made, run_jobs)
    assert Intake.objects.filter(audience=made.pk, current=True).count() == 1
    assert not lake.table_exists(ready.workspace, first.given_table)
    assert state.figures(ready)["connected"] == 104


def test_features_equal_a_count_by_hand(ready: Any) -> None:
    found = features.distinctive(ready)
    people = range(100)
    women = sum(world.sex(number) == "f" for number in people)
    bold = sum(world.style(number) == "bold" for number in people)
    assert found["people"] == 100
    assert [(row["value"], row["tgi"]) for row in found["by_tgi"]] == [("f", 180), ("bold", 170)]
    by_value = {row["value"]: row for row in found["by_share"]}
    assert (by_value["f"]["people"], by_value["f"]["tgi"]) == (women, 2 * women)
    assert (by_value["bold"]["people"], by_value["bold"]["tgi"]) == (bold, round(bold / 100 / 0.2 * 100))
    assert by_value["calm"]["tgi"] is None
    assert [row["people"] for row in found["by_share"]] == sorted(
        (row["people"] for row in found["by_share"]), reverse=True
    )


def test_values_of_few_people_are_not_ranked_by_tgi(ready: Any) -> None:
    assert "m" not in {row["value"] for row in features.distinctive(ready)["by_tgi"]}
    assert "m" in {row["value"] for row in features.distinctive(ready)["by_share"]}


def test_without_a_baseline_the_pack_is_the_network(access: Any, run_jobs: world.RunJobs) -> None:
    pack = world.installed(access, run_jobs, baseline=False)
    assert pack.baseline["sex"] == {"f": 0.75, "m": 0.25}


def test_pairs_of_values_equal_a_count_by_hand(ready: Any) -> None:
    found = features.cross(ready, "sex", "style")
    for row, name in enumerate(found["rows"]):
        for column, other in enumerate(found["columns"]):
            expected = sum(world.sex(n) == name and world.style(n) == other for n in range(100))
            assert found["cells"][row][column] == expected
    assert found["people"] == sum(world.style(n) != "" for n in range(100))


def test_a_distribution_is_compared_with_another_audience(ready: Any, run_jobs: world.RunJobs) -> None:
    men = world.uploaded(ready, "Men", [world.imei(number) for number in range(90, 120)], run_jobs)
    world.brought_in(ready, men, run_jobs)
    found = features.distribution(ready, ["sex"], "", men.pk)
    rows = {row["value"]: row for row in found["tags"][0]["values"]}
    assert found["compared"] == 30
    assert (rows["f"]["compared_people"], rows["m"]["compared_people"], rows["m"]["people"]) == (0, 30, 30)


def test_features_are_compared_with_another_audience(ready: Any, run_jobs: world.RunJobs) -> None:
    few = world.uploaded(ready, "Few", [world.imei(number) for number in range(80, 120)], run_jobs)
    world.brought_in(ready, few, run_jobs)
    found = features.distinctive(ready, few.pk, "")
    assert found["compared"] is None and "compared_people" not in found["by_share"][0]
    found = features.distinctive(ready, "", few.pk)
    assert (found["people"], found["compared"]) == (120, 40)
    for row in found["by_share"]:
        value_of = world.sex if row["tag"] == "sex" else world.style
        people = sum(value_of(number) == row["value"] for number in range(80, 120))
        baseline = {"f": 0.5, "m": 0.5, "bold": 0.2, "calm": 0.0}[row["value"]]
        assert (row["compared_people"], row["compared_share"]) == (people, people / 40)
        assert row["compared_tgi"] == features.tgi(people, 40, baseline)


def test_pairs_of_values_are_compared_with_another_audience(ready: Any, run_jobs: world.RunJobs) -> None:
    men = world.uploaded(ready, "Men", [world.imei(number) for number in range(90, 120)], run_jobs)
    world.brought_in(ready, men, run_jobs)
    women = world.uploaded(ready, "Women", [world.imei(number) for number in range(30)], run_jobs)
    world.brought_in(ready, women, run_jobs)
    found = tables.shaded(features.cross(ready, "sex", "style", women.pk, men.pk), "row")
    assert (found["people"], found["compared"], sorted(found["rows"])) == (20, 20, ["f", "m"])
    cells = {
        (name, cell["column"]): (cell["people"], cell["compared_people"], cell["compared_share"])
        for name, line in found["lines"]
        for cell in line
    }
    assert cells[("f", "bold")] == (10, 0, None) and cells[("m", "calm")] == (0, 10, 0.5)


def test_going_to_another_tab_keeps_what_was_chosen(ready: Any) -> None:
    client = Client()
    client.force_login(ready.user, backend="admin_center.members.backends.NameOrEmailBackend")
    query = "tab=distribution&audience=&compare=aud_x&tag=style"
    page = client.get(f"/w/{ready.workspace.slug}/omni/analysis/?{query}")
    kept = {key: dict(parse_qsl(address)) for key, _label, address in page.context["tabs"]}
    assert kept["cross"] == {"tab": "cross", "compare": "aud_x", "tag": "style"}
    page = client.get(f"/w/{ready.workspace.slug}/omni/analysis/?{query.replace('distribution', 'cross')}")
    assert page.context["carried"] == [("tag", "style")]


def test_while_ids_are_recognised_pages_say_how_far_that_is_and_look_again(ready: Any) -> None:
    Intake.objects.update(state="waiting")
    receiving.start_recognition(ready.workspace)
    Job.objects.filter(kind="omni.recognise", status="queued").update(progress=40, phase="Recognising")
    assert state.figures(ready)["progress"] == {
        "job": Job.objects.get(kind="omni.recognise", status="queued").pk,
        "percent": 40,
        "phase": "Recognising",
    }
    client = Client()
    client.force_login(ready.user, backend="admin_center.members.backends.NameOrEmailBackend")
    page = client.get(f"/w/{ready.workspace.slug}/omni/")
    assert page["Refresh"] == "10" and 'value="40"' in page.content.decode()
    Intake.objects.update(state="recognised")
    page = client.get(f"/w/{ready.workspace.slug}/omni/")
    assert not page.has_header("Refresh") and state.figures(ready)["progress"] is None


def test_a_tag_named_twice_is_shown_once_and_all_shares_add_up(ready: Any) -> None:
    [style] = features.distribution(ready, ["style", "style"])["tags"]
    assert sum(row["share"] for row in style["values"]) + style["unknown_share"] == pytest.approx(1)


def test_a_cross_of_some_values_counts_their_people_only(ready: Any) -> None:
    whole = features.cross(ready, "sex", "style")
    found = features.cross(ready, "sex", "style", row_values=["f"], column_values=["bold", "nothing"])
    place = whole["rows"].index("f"), whole["columns"].index("bold")
    assert (found["rows"], found["columns"]) == (["f"], ["bold"])
    assert (
        found["cells"] == [[whole["cells"][place[0]][place[1]]]] and found["people"] == found["cells"][0][0]
    )


@pytest.mark.parametrize("tab", ["distinctive", "distribution", "cross"])
def test_the_file_has_the_numbers_of_the_page(ready: Any, tab: str) -> None:
    other = Intake.objects.get().audience
    client = Client()
    client.force_login(ready.user, backend="admin_center.members.backends.NameOrEmailBackend")
    home = f"/w/{ready.workspace.slug}/omni/analysis"
    query = f"?tab={tab}&tag=sex&tag=style&row=sex&column=style&row_value=f&of=row&compare={other}"
    page = client.get(f"{home}/{query}")
    assert f"table.csv{query.replace('&', '&amp;')}" in page.content.decode()
    text = client.get(f"{home}/table.csv{query}").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["Compared: people"] for row in rows] == [row["People"] for row in rows]
    found = page.context["found"]
    if tab == "cross":
        wanted = [cell["people"] for _name, cells in found["lines"] for cell in cells]
        assert sum(float(row["Share"]) for row in rows) == pytest.approx(1)
    elif tab == "distribution":
        wanted = [
            people
            for tag in found["tags"]
            for people in (*(row["people"] for row in tag["values"]), tag["unknown"])
        ]
    else:
        wanted = [row["people"] for row in (*found["by_tgi"], *found["by_share"])]
    assert [int(row["People"]) for row in rows] == wanted and wanted


def test_audiences_that_were_not_pushed_are_refused(ready: Any, run_jobs: world.RunJobs) -> None:
    made = world.uploaded(ready, "Elsewhere", [world.imei(1)], run_jobs)
    with pytest.raises(Conflict) as caught:
        features.distinctive(ready, made.pk)
    assert caught.value.code == "omni_not_pushed"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"pack": "tags"}, "pack"),
        ({"tags": "pack"}, "tags"),
        ({"pack": "nothing"}, "pack"),
        ({"name": ""}, "name"),
        ({"baseline": "tags"}, "baseline"),
    ],
)
def test_a_pack_of_other_tables_is_refused_at_the_field(
    access: Any, run_jobs: world.RunJobs, data: dict[str, str], field: str
) -> None:
    world.installed(access, run_jobs)
    with pytest.raises(ValidationFailed) as caught:
        packs.install(access, {"name": "One", "pack": "pack", "tags": "tags", **data})
    assert field in caught.value.errors and TagPack.objects.count() == 1


def test_a_pack_that_lacks_a_tag_fails_and_the_old_one_stays(access: Any, run_jobs: world.RunJobs) -> None:
    pack = world.installed(access, run_jobs)
    world.table(access, "more", world.TAGS + "colour,Colour,People\n", run_jobs)
    failed, job = packs.install(access, {"name": "Two", "pack": "pack", "tags": "more"})
    run_jobs(allow_failure=True)
    failed.refresh_from_db()
    job.refresh_from_db()
    assert failed.state == "failed" and "colour" in str(job.error)
    assert packs.current(access.workspace.organization_id) == pack


def test_only_managers_install_packs(access: Any) -> None:
    with pytest.raises(PermissionDenied):
        packs.install(access, {})


def test_tags_are_counted_once_a_day(ready: Any) -> None:
    uses.note(ready.workspace, ["sex", "sex"])
    uses.note(ready.workspace, ["sex"])
    assert TagDay.objects.get(tag="sex").uses == 0
    uses.count_day(ready.workspace)
    row = TagDay.objects.get(tag="sex")
    assert (row.people, row.uses, row.values) == (100, 2, {"f": 90, "m": 10})


def test_a_report_keeps_its_numbers(ready: Any, run_jobs: world.RunJobs) -> None:
    parts = ["distinctive", "distribution", "cross"]
    data = {"name": "Then", "parts": parts, "tags": ["sex"], "row": "sex", "column": "style"}
    report = reports.save(ready, data)
    more = world.uploaded(ready, "More", [world.imei(number) for number in range(100, 120)], run_jobs)
    world.brought_in(ready, more, run_jobs)
    report.refresh_from_db()
    assert report.result["distinctive"]["people"] == 100
    assert reports.again(ready, report).result["distinctive"]["people"] == 120


def test_a_report_of_some_values_has_their_people_only_and_so_has_its_repetition(ready: Any) -> None:
    data = {"name": "Bold", "parts": ["cross"], "row": "sex", "column": "style", "of": "row"}
    report = reports.save(ready, {**data, "row_values": ["f"], "column_values": ["bold"]})
    wanted = features.cross(ready, "sex", "style", row_values=["f"], column_values=["bold"])
    assert report.result["cross"] == {**wanted, "of": "row"} and wanted["rows"] == ["f"]
    assert reports.again(ready, report).result == report.result


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"of": "nothing"}, "of"),
        ({"row_values": "f"}, "row_values"),
        ({"column_values": [1]}, "column_values"),
    ],
)
def test_a_report_of_a_cross_that_cannot_be_is_refused(ready: Any, given: dict[str, Any], field: str) -> None:
    asked = {"name": "R", "parts": ["cross"], "row": "sex", "column": "style", **given}
    with pytest.raises(ValidationFailed) as caught:
        reports.save(ready, asked)
    assert field in caught.value.errors and not InsightReport.objects.exists()


def test_a_report_saved_from_the_page_shows_what_the_page_shows(ready: Any) -> None:
    client = Client()
    client.force_login(ready.user, backend="admin_center.members.backends.NameOrEmailBackend")
    home = f"/w/{ready.workspace.slug}/omni/"
    page = client.get(f"{home}analysis/?tab=cross&row=sex&column=style&row_value=f&of=column")
    hidden = re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode().split("save-report", 2)[2]
    )
    given: dict[str, list[str]] = {"name": ["Kept"], "part": ["cross"]}
    for name, value in hidden:
        given.setdefault(name, []).append(value)
    report = client.get(client.post(f"{home}reports/save/", given)["Location"])
    assert report.context["cross"]["lines"] == page.context["found"]["lines"]
    assert "Of Sex only f." in report.content.decode() and "Shares of the column." in report.content.decode()


def test_reports_of_others_show_only_where_they_are_public(ready: Any) -> None:
    colleague = make_access(ready.workspace, "analyst")
    own = reports.save(ready, {"name": "Mine", "parts": ["distinctive"]})
    shared = reports.save(ready, {"name": "Ours", "public": True, "parts": ["distinctive"]})
    assert list(reports.visible(colleague)) == [shared]
    with pytest.raises(PermissionDenied):
        reports.delete(colleague, shared)
    reports.delete(ready, own)
    assert list(InsightReport.objects.all()) == [shared]


def test_the_api_says_the_same_numbers(ready: Any) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(ready)}")
    base = f"/api/v1/workspaces/{ready.workspace.slug}/omni/"
    assert client.get(f"{base}overview/").json()["connected"] == 100
    assert client.get(f"{base}features/").json() == features.distinctive(ready)
    asked = {"kind": "cross", "row": "sex", "column": "style"}
    assert client.post(f"{base}analysis/", asked, format="json").json() == features.cross(
        ready, "sex", "style"
    )
    wrong = client.post(f"{base}analysis/", {"kind": "distribution", "tags": ["colour"]}, format="json")
    assert wrong.status_code == 400 and "tags/0" in wrong.json()["errors"]
    assert client.get(f"{base}tags/").json()["count"] == 2
    assert client.get(f"{base}tags/sex/").json()["days"][0]["people"] == 100
    assert client.get(f"{base}quota/").json()["intakes"][0]["recognised"] == 100


def test_recognition_repeated_changes_nothing(ready: Any, run_jobs: world.RunJobs) -> None:
    receiving.start_recognition(ready.workspace)
    run_jobs()
    row = Intake.objects.get()
    assert (row.fresh, row.recognised) == (100, 100)


def test_three_roles_have_the_module_from_the_start_and_others_do_not(ready: Any) -> None:
    Role.objects.create(
        workspace=ready.workspace, code="reader", name="Reader", permissions=["workspace.view"]
    )
    base, home = f"/api/v1/workspaces/{ready.workspace.slug}/omni/", f"/w/{ready.workspace.slug}/omni/"
    for role in ("administrator", "developer", "analyst", "reader"):
        colleague = make_access(ready.workspace, role)
        browser = Client()
        browser.force_login(colleague.user)
        allowed = 403 if role == "reader" else 200
        assert browser.get(home).status_code == allowed
        api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(colleague)}")
        assert [api.get(f"{base}{path}").status_code for path in ("overview/", "features/")] == [allowed] * 2
