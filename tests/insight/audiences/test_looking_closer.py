"""Overlap, version comparison and the explanation of a person, each against a count in plain Python."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from admin_center.audit.models import AuditEntry
from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences import comparing, explaining, overlap, overlap_pages, refreshing, services
from insight.audiences.models import Audience, AudienceVersion
from insight.campaigns import links
from insight.campaigns import services as campaigns
from tests.factories import make_access
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import members, upload
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table

RunJobs = Callable[..., list[Any]]
Computed = Callable[..., Audience]
SETS = {"A": {"u2", "u3", "u6", "u8"}, "B": {"u1", "u3", "u7"}, "C": {"u3", "u4", "u5", "u8"}}


@pytest.fixture
def three(world: World, computed: Computed) -> list[Audience]:
    """The audiences of SETS."""
    return [
        computed(world.women, name="A"),
        computed(world.tag("interests", "contains", ["a"]), name="B"),
        computed(world.tag("spend", ">=", 100), name="C"),
    ]


def keys(rows: list[Audience]) -> list[str]:
    return [row.pk for row in rows]


def expected() -> Counter[tuple[str, ...]]:
    everybody = set().union(*SETS.values())
    return Counter(tuple(name for name in SETS if person in SETS[name]) for person in everybody)


def test_parts_are_exact_and_exclusive(world: World, three: list[Audience]) -> None:
    found = overlap.measure(world.access, keys(three))
    names = {row.pk: row.name for row in three}
    assert {tuple(names[key] for key in part.inside): part.people for part in found.parts} == expected()
    assert found.people == 8


def test_two_by_two_they_share_what_plain_sets_share(world: World, three: list[Audience]) -> None:
    found = overlap.measure(world.access, keys(three)).as_json()
    names = {row.pk: row.name for row in three}
    assert len(found["pairs"]) == 3
    for pair in found["pairs"]:
        first, second = (SETS[names[key]] for key in pair["audiences"])
        assert (pair["both"], pair["either"]) == (len(first & second), len(first | second))
        assert pair["share_of_first"] == len(first & second) / len(first)
        assert pair["share_of_second"] == len(first & second) / len(second)
        assert pair["jaccard"] == len(first & second) / len(first | second)


def test_page_file_and_api_have_the_same_parts_and_these_add_up(world: World, three: list[Audience]) -> None:
    found = overlap.measure(world.access, keys(three)).as_json()
    assert sum(round(10 * part["percent"]) for part in found["parts"]) == 1000
    browser, query = Browser(world.access), "&".join(f"row={key}" for key in keys(three))
    text = browser.get(f"overlap.csv?{query}").content.decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["A", "B", "C", "People", "Share, %"]
    expected_rows = [
        [*("1" if key in part["audiences"] else "0" for key in keys(three)), str(part["people"])]
        for part in found["parts"]
    ]
    assert [row[:4] for row in rows] == expected_rows
    assert [float(row[4]) for row in rows] == [part["percent"] for part in found["parts"]]
    body = browser.get(f"overlap/?{query}").content.decode()
    drawn = json.loads(body.split('id="overlap-data" type="application/json">')[1].split("</script>")[0])
    assert [part["people"] for part in drawn["parts"]] == [part["people"] for part in found["parts"]]
    assert all(f"{part['percent']:.1f} %" in body for part in found["parts"])
    assert browser.get("overlap.csv?row=x").status_code == 400


def test_each_column_and_each_pair_leads_to_an_audience_of_its_people(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    query = "&".join(f"row={key}" for key in keys(three))
    page = Browser(world.access).get(f"overlap/?{query}")
    data, pairs = page.context["data"], page.context["pairs"]
    ways = [(part["url"], part["people"]) for part in data["parts"]]
    ways += [(row["url"], row["pair"].both) for row in pairs if row["pair"].both]
    assert len(ways) == len(expected()) + 3
    for place, (url, people) in enumerate(ways):
        rule = json.loads(parse_qs(urlsplit(url).query)["rule"][0])
        made = services.create(world.access, {"name": f"Way {place}", "rule": rule})
        run_jobs()
        assert len(members(made)) == people
    assert all(
        f"audience={row['pair'].first}&compare={row['pair'].second}" in row["tags_url"] for row in pairs
    )


def test_every_part_can_become_an_audience(world: World, three: list[Audience], run_jobs: RunJobs) -> None:
    names = {row.name: row.pk for row in three}
    for inside, count in expected().items():
        chosen = [names[name] for name in inside]
        made = overlap.save_part(world.access, keys(three), chosen, f"Only {inside}")
        run_jobs()
        others = [SETS[name] for name in SETS if name not in inside]
        wanted = set.intersection(*(SETS[name] for name in inside)).difference(*others)
        assert members(made) == wanted and len(wanted) == count


def test_eight_audiences_overlap_and_the_smallest_parts_are_summed_up(
    world: World, three: list[Audience], computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [computed(world.tag("spend", ">=", amount), name=f"Over {amount}") for amount in range(5)]
    asked = keys([*three, *more])
    found = overlap.measure(world.access, asked)
    assert len(found.audiences) == 8 and sum(part.people for part in found.parts) == found.people
    with pytest.raises(ValidationFailed):
        overlap.measure(world.access, [*asked, computed(name="Ninth").pk])
    monkeypatch.setattr(overlap_pages, "PARTS_SHOWN", 1)
    page = Browser(world.access).get("overlap/?" + "&".join(f"row={key}" for key in asked))
    text = page.content.decode()
    rest = found.people - found.parts[0].people
    assert f"{len(found.parts) - 1} smaller parts together" in text and f'td-number">{rest}<' in text


def test_splitting_by_priority_puts_nobody_into_two(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    made = overlap.split(world.access, keys(three), "Wave ")
    run_jobs()
    assert [row.name for row in made] == ["Wave 1 A", "Wave 2 B", "Wave 3 C"]
    assert [members(row) for row in made] == [SETS["A"], {"u1", "u7"}, {"u4", "u5"}]


def test_what_cannot_overlap_is_refused(world: World, three: list[Audience], run_jobs: RunJobs) -> None:
    with pytest.raises(ValidationFailed):
        overlap.measure(world.access, keys(three)[:1])
    with pytest.raises(ValidationFailed):
        overlap.measure(world.access, "aud_1")
    phones = upload(world)
    with pytest.raises(Conflict):
        overlap.measure(world.access, [three[0].pk, phones.pk])
    run_jobs()
    with pytest.raises(ValidationFailed):
        overlap.measure(world.access, [three[0].pk, phones.pk])
    with pytest.raises(ValidationFailed):
        overlap.save_part(world.access, keys(three), [], "Nothing")
    foreign = Client(make_access()).post("audiences/overlap/", {"audiences": keys(three)}, format="json")
    assert foreign.status_code == 404


def changed(world: World) -> None:
    """u3 leaves the women, u10 and u11 come."""
    people = [row for row in PEOPLE if row[0] != "u3"]
    new_version(
        world.members,
        people_table([*people, ("u10", None, "f", None, None, 1.0), ("u11", None, "f", None, None, 2.0)]),
    )


def test_two_versions_compared_and_their_difference_saved(
    world: World, computed: Computed, run_jobs: RunJobs
) -> None:
    audience = computed(world.women)
    changed(world)
    refreshing.refresh(world.access, audience)
    run_jobs()
    client = Client(world.access)
    found = client.get(f"audiences/{audience.pk}/compare/?from=1&to=2").json()
    assert (found["stayed"], found["joined"], found["left"]) == (3, 2, 1)
    assert len(found["examples"]["joined"]) == 2
    for side, wanted in (("joined", {"u10", "u11"}), ("left", {"u3"})):
        made = comparing.save_side(world.access, audience, 1, 2, side, f"Who {side}")
        run_jobs()
        assert members(made) == wanted
    assert AudienceVersion.objects.filter(audience=audience, is_snapshot=True).count() == 2
    same = client.get(f"audiences/{audience.pk}/compare/?from=2&to=2")
    gone = client.get(f"audiences/{audience.pk}/compare/?from=1&to=9")
    assert (same.status_code, gone.status_code) == (400, 404)
    AudienceVersion.objects.filter(audience=audience, number=1).update(dropped_at="2026-01-01T00:00Z")
    dropped = client.get(f"audiences/{audience.pk}/compare/?from=1&to=2")
    assert (dropped.status_code, dropped.json()["code"]) == (409, "version_dropped")


def test_a_person_is_explained_condition_by_condition(world: World, computed: Computed) -> None:
    bought = world.bought(having={"measure": "amount", "operator": ">=", "value": 100})
    rule = {
        "op": "subtract",
        "items": [
            {"op": "union", "items": [world.women, bought]},
            world.tag("city", "in", ["Beijing"]),
        ],
    }
    audience = computed(rule, save_ids=["one_id"])
    inside = {"u1", "u3", "u6", "u8"}
    assert members(audience) == inside
    for person in ("u1", "u2", "u3", "u4", "u9", "nobody"):
        found = explaining.explain(world.access, audience, person)
        assert found.inside is (person in inside) and found.matches is (person in inside)
    first = explaining.explain(world.access, audience, "u1").as_json()["rule"]
    either, city = first["items"]
    women, orders = either["items"]
    assert (first["holds"], either["holds"], women["holds"], orders["holds"], city["holds"]) == (
        True,
        True,
        False,
        True,
        False,
    )
    assert women["rows"] == [["m"]] and city["rows"] == [["Shanghai"]]
    assert [row[0] for row in orders["rows"]] == ["2026-02-05 10:00:00", "2026-01-05 10:00:00"]
    unknown = explaining.explain(world.access, audience, "nobody")
    assert not unknown.known and unknown.step is not None and not unknown.step.holds


def test_an_explanation_tells_what_the_next_refresh_will_do_and_the_past(
    world: World, computed: Computed, run_jobs: RunJobs
) -> None:
    audience = computed(world.women)
    changed(world)
    joining = explaining.explain(world.access, audience, "u10")
    assert (joining.inside, joining.matches) == (False, True)
    refreshing.refresh(world.access, audience)
    run_jobs()
    audience.refresh_from_db()
    gone = explaining.explain(world.access, audience, "u3")
    assert [row["inside"] for row in gone.history] == [False, True] and gone.matches is False
    entry = AuditEntry.objects.filter(action="audience.person_explained").latest("pk")
    assert "u3" not in str(entry.detail)


def test_uploads_say_only_whether_somebody_is_in_them(world: World, run_jobs: RunJobs) -> None:
    audience = upload(world)
    run_jobs()
    audience.refresh_from_db()
    answer = Client(world.access).post(
        f"audiences/{audience.pk}/explain/", {"id": "10012345678"}, format="json"
    )
    assert answer.json()["inside"] is True and answer.json()["rule"] is None
    wrong = Client(world.access).post(f"audiences/{audience.pk}/explain/", {"id": "x"}, format="json")
    assert wrong.status_code == 400 and "id" in wrong.json()["errors"]


def test_the_overlap_of_one_audience_asks_for_another_and_keeps_it(
    world: World, three: list[Audience]
) -> None:
    page = Browser(world.access).get(f"overlap/?row={three[0].pk}")
    kept = f'<input type="hidden" name="row" value="{three[0].pk}">'
    assert page.status_code == 200 and kept in page.content.decode()


def test_pages(world: World, three: list[Audience], run_jobs: RunJobs) -> None:
    browser = Browser(world.access)
    query = "&".join(f"row={key}" for key in keys(three))
    page = browser.get(f"overlap/?{query}").content.decode()
    assert "8 people are in at least one" in page and "Split by priority" in page
    moved = browser.post(action="overlap", row=keys(three))
    assert moved.status_code == 302 and "/overlap/?row=" in moved.url
    made = browser.post(f"overlap/?{query}", inside=[three[0].pk], name="Only A")
    assert made.status_code == 302 and Audience.objects.filter(name="Only A").exists()
    taken = browser.post(f"overlap/?{query}", inside=[three[0].pk], name="Only A")
    assert taken.status_code == 422
    browser.post(f"overlap/?{query}", action="split", name="W ")
    assert Audience.objects.filter(name__startswith="W ").count() == 3
    run_jobs()
    changed(world)
    refreshing.refresh(world.access, three[0])
    run_jobs()
    compare = browser.get(f"{three[0].pk}/compare/").content.decode()
    assert "Left the audience" in compare and "Make an audience" in compare
    saved = browser.post(
        f"{three[0].pk}/compare/", **{"from": "1", "to": "2", "side": "left", "name": "Gone"}
    )
    assert saved.status_code == 302
    asked = browser.post(f"{three[0].pk}/person/", id="u2").content.decode()
    assert "This person belongs to the audience." in asked and "holds" in asked
    assert browser.post(f"{three[0].pk}/person/", id="  ").status_code == 422


def test_what_is_made_here_belongs_to_the_chosen_campaigns(
    world: World, three: list[Audience], run_jobs: RunJobs
) -> None:
    days = {"starts": "2026-01-01", "ends": "2026-12-31"}
    spring = campaigns.create(world.access, {"name": "Spring", "code": "s", **days})
    browser, query = Browser(world.access), "&".join(f"row={key}" for key in keys(three))
    assert "Spring (2026-01-01" in browser.get(f"overlap/?{query}").content.decode()
    browser.post(f"overlap/?{query}", inside=[three[0].pk], name="Only A", campaigns=[spring.pk])
    browser.post(f"overlap/?{query}", action="split", name="W ", campaigns=[spring.pk])
    run_jobs()
    changed(world)
    refreshing.refresh(world.access, three[0])
    run_jobs()
    assert "Spring (2026-01-01" in browser.get(f"{three[0].pk}/compare/").content.decode()
    side = {"from": "1", "to": "2", "side": "left", "name": "Gone", "campaigns": [spring.pk]}
    browser.post(f"{three[0].pk}/compare/", **side)
    belonging = next(rows for kind, rows in links.belongings(world.access, spring) if kind.key == "audience")
    assert sorted(row.name for row in belonging) == ["Gone", "Only A", "W 1 A", "W 2 B", "W 3 C"]


def test_the_api_ties_what_is_made_here_to_campaigns(world: World, three: list[Audience]) -> None:
    days = {"starts": "2026-01-01", "ends": "2026-12-31"}
    spring = campaigns.create(world.access, {"name": "Spring", "code": "s", **days})
    client, chosen = Client(world.access), {"audiences": keys(three), "campaigns": [spring.pk]}
    part = client.post("audiences/overlap/save/", {**chosen, "inside": [three[0].pk], "name": "Only A"})
    assert part.status_code == 201 and part.json()["campaigns"] == [spring.pk]
    made = client.post("audiences/split/", {**chosen, "prefix": "W "}).json()["results"]
    assert [row["campaigns"] for row in made] == [[spring.pk]] * 3
    before = Audience.objects.count()
    refused = client.post("audiences/split/", {**chosen, "prefix": "V ", "campaigns": ["cmp_nowhere"]})
    assert refused.status_code == 400 and Audience.objects.count() == before
