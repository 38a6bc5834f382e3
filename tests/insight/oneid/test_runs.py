"""Runs: what they read and write, and OneIDs that stay."""

from __future__ import annotations

from typing import Any

import pytest

from cdp import lake
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from cdp.jobs.models import Job
from insight.datasets import services as datasets
from insight.oneid import decisions, queries, services
from insight.oneid.models import IdentityDecision, IdentityGraph, IdentityRun
from tests.factories import make_access
from tests.insight.audiences.world import make_world
from tests.insight.oneid.conftest import Pairs, RunJobs, seen

M = [("mobile", f"1380000000{number}") for number in range(9)]
E = [("email", f"p{number}@x.com") for number in range(9)]
U = [("union_id", f"u{number}") for number in range(9)]


def ids(person: queries.Person) -> set[tuple[str, str]]:
    return {(item.id_type, item.value) for item in person.ids}


def test_a_run_finds_people_and_counts_what_it_found(pairs: Pairs) -> None:
    graph = pairs.run([seen(M[0], E[0]), seen(E[0], U[0]), seen(M[1], E[1], "2026-05-02")])
    assert (graph.state, graph.version) == ("ready", 1)
    assert ids(pairs.person(*M[0])) == {M[0], E[0], U[0]}
    stats = graph.stats
    assert (stats["people"], stats["ids"], stats["pairs"]) == (2, 5, 3)
    assert stats["types"] == {"mobile": 2, "email": 2, "union_id": 1}
    assert {(item["from"], item["people"]) for item in stats["sizes"] if item["people"]} == {(2, 1), (3, 1)}
    assert IdentityRun.objects.get(graph=graph).stats == stats


def test_ids_are_normalised_and_invalid_ones_dropped_and_counted(pairs: Pairs) -> None:
    rows = [
        seen(("mobile", "+86 138-0000-0000"), ("email", "P0@X.com")),
        seen(("mobile", "13800000000"), ("email", "nonsense")),
        seen(("mobile", "12"), ("email", "P1@x.COM")),
        seen(("shoe_size", "42"), ("mobile", "13800000001")),
    ]
    graph = pairs.run(rows)
    assert graph.stats["dropped"] == 3
    assert ids(pairs.person("mobile", "13800000000")) == {("mobile", "13800000000"), ("email", "P0@x.com")}
    assert ids(pairs.person("email", "P1@X.com")) == {("email", "P1@x.com")}
    assert ids(pairs.person("mobile", "13800000001")) == {("mobile", "13800000001")}


def test_one_ids_look_as_described_and_are_each_persons_own(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0]), seen(M[1], E[1])])
    first, second = pairs.one_id(*M[0]), pairs.one_id(*M[1])
    assert first and second and first != second
    assert first.startswith("o_") and len(first) == 28 and first[2:].isalnum() and first == first.lower()
    assert pairs.one_id("one_id", first) == first


def test_a_person_keeps_their_one_id_when_ids_join_them(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0])])
    before = pairs.one_id(*M[0])
    graph = pairs.run([seen(M[0], E[0]), seen(M[0], U[0])])
    assert graph.version == 2
    assert pairs.one_id(*U[0]) == pairs.one_id(*M[0]) == before


def test_the_older_of_two_people_survives_their_merge_and_the_younger_leads_to_it(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0])])
    old = pairs.one_id(*M[0])
    pairs.run([seen(M[0], E[0]), seen(M[1], E[1]), seen(M[1], U[1])])
    young = pairs.one_id(*M[1])
    assert young and young != old
    graph = pairs.run([seen(M[0], E[0]), seen(M[1], E[1]), seen(M[1], U[1]), seen(E[0], U[1])])
    assert pairs.one_id(*M[1]) == old
    assert pairs.one_id("one_id", young) == old
    assert queries.person(graph, young).one_id == old
    assert queries.person(graph, young).former == [young]
    changes, count = queries.history(graph)
    assert count == 1
    assert {key: changes[0][key] for key in ("run", "kind", "from_id", "to_id", "ids")} == {
        "run": 3, "kind": "merged", "from_id": young, "to_id": old, "ids": 3
    }  # fmt: skip
    assert graph.stats["merged"] == 1


def test_of_two_people_of_one_run_the_larger_survives(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0]), seen(M[1], E[1]), seen(M[1], U[1])])
    large = pairs.one_id(*M[1])
    pairs.run([seen(M[0], E[0]), seen(M[1], E[1]), seen(M[1], U[1]), seen(M[0], U[1])])
    assert pairs.one_id(*M[0]) == large


def test_the_part_with_most_former_ids_keeps_the_one_id_on_a_split(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0]), seen(M[0], U[0]), seen(E[0], E[1])])
    before = pairs.one_id(*M[0])
    graph = pairs.run([seen(M[0], E[0]), seen(M[0], U[0]), seen(E[1], E[1])])
    assert pairs.one_id(*U[0]) == before
    other = pairs.one_id(*E[1])
    assert other and other != before
    changes, _count = queries.history(graph, before or "")
    assert [(row["kind"], row["from_id"], row["to_id"], row["ids"]) for row in changes] == [
        ("split", before, other, 1)
    ]


def test_history_and_former_names_are_kept_over_later_runs(pairs: Pairs) -> None:
    rows = [seen(M[number], E[number]) for number in range(3)]
    pairs.run(rows)
    names = {pairs.one_id(*M[number]) for number in range(3)}
    pairs.run([*rows, seen(E[0], E[1])])
    graph = pairs.run([*rows, seen(E[0], E[1]), seen(E[1], E[2])])
    kept = pairs.one_id(*M[0])
    assert {pairs.one_id("one_id", str(name)) for name in names} == {kept}
    assert queries.history(graph)[1] == 2
    graph = pairs.run()
    assert queries.history(graph)[1] == 2
    assert {pairs.one_id("one_id", str(name)) for name in names} == {kept}


def test_a_run_over_the_same_pairs_changes_nothing(pairs: Pairs) -> None:
    rows = [seen(M[number], E[number // 2]) for number in range(8)]
    pairs.run(rows)
    before = {value: pairs.one_id(*value) for value in (*M[:8], *E[:4])}
    graph = pairs.run()
    assert {value: pairs.one_id(*value) for value in before} == before
    assert (graph.stats["merged"], graph.stats["split"]) == (0, 0)


def test_a_merge_by_hand_survives_the_next_runs(pairs: Pairs) -> None:
    rows = [seen(M[0], E[0]), seen(M[1], E[1])]
    pairs.run(rows)
    decision = decisions.merge(pairs.access, pairs.person(*M[0]), pairs.person(*M[1]), "It is her")
    pairs.run_jobs()
    assert ids(pairs.person(*M[0])) == {M[0], E[0], M[1], E[1]}
    pairs.run([*rows, seen(M[1], U[1])])
    assert ids(pairs.person(*M[0])) == {M[0], E[0], M[1], E[1], U[1]}
    decisions.withdraw(pairs.access, decision)
    pairs.run_jobs()
    assert ids(pairs.person(*M[0])) == {M[0], E[0]}


def test_a_split_by_hand_survives_the_next_runs(pairs: Pairs) -> None:
    rows = [seen(M[0], E[0]), seen(M[0], U[0]), seen(U[0], E[1])]
    pairs.run(rows)
    person = pairs.person(*M[0])
    moved = [str(item.key) for item in person.ids if (item.id_type, item.value) in {U[0], E[1]}]
    decisions.split(pairs.access, person, moved)
    pairs.run_jobs()
    assert ids(pairs.person(*M[0])) == {M[0], E[0]}
    assert ids(pairs.person(*U[0])) == {U[0], E[1]}
    pairs.run([*rows, seen(E[0], U[0]), seen(M[0], E[2])])
    assert ids(pairs.person(*M[0])) == {M[0], E[0], E[2]}
    assert ids(pairs.person(*U[0])) == {U[0], E[1]}


def test_a_later_decision_overrules_an_earlier_one(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0]), seen(M[1], E[1])])
    decisions.merge(pairs.access, pairs.person(*M[0]), pairs.person(*M[1]))
    pairs.run_jobs()
    person = pairs.person(*M[0])
    moved = [str(item.key) for item in person.ids if (item.id_type, item.value) in {M[1], E[1]}]
    decisions.split(pairs.access, person, moved)
    pairs.run_jobs()
    assert ids(pairs.person(*M[0])) == {M[0], E[0]}
    assert IdentityDecision.objects.filter(withdrawn_at=None).count() == 1
    decisions.merge(pairs.access, pairs.person(*M[0]), pairs.person(*M[1]))
    pairs.run_jobs()
    assert ids(pairs.person(*M[0])) == {M[0], E[0], M[1], E[1]}


def test_a_split_of_all_ids_or_none_is_refused(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0])])
    person = pairs.person(*M[0])
    for keys in ([], [str(item.key) for item in person.ids], ["1"]):
        with pytest.raises(ValidationFailed):
            decisions.split(pairs.access, person, keys)
    with pytest.raises(Conflict) as refused:
        decisions.merge(pairs.access, person, person)
    assert refused.value.code == "same_person"


def test_shared_ids_are_listed_for_review_and_belong_to_nobody(pairs: Pairs) -> None:
    phone = ("imei", "123456789012345")
    graph = pairs.run([seen(M[0], phone, "2099-01-01"), seen(M[1], phone, "2099-01-01")])
    assert pairs.one_id(*phone) is None
    rows, count = queries.review(graph)
    assert count == graph.stats["shared"] == 1
    assert (rows[0]["kind"], rows[0]["id_value"], rows[0]["size"]) == ("shared", phone[1], 2)


def test_what_is_too_large_is_cut_and_listed_with_its_parts(pairs: Pairs) -> None:
    rows = [seen(M[0], E[0], f"2026-05-0{day}") for day in range(1, 6)]
    rows += [seen(E[0], U[0]), seen(U[0], E[1])]
    graph = pairs.run(rows, limits={"max_ids": 2})
    assert ids(pairs.person(*M[0])) == {M[0], E[0]}
    found, _count = queries.review(graph, "oversized")
    assert [(row["size"], row["parts"]) for row in found] == [(4, 2)]
    assert pairs.one_id(*M[0]) in found[0]["one_ids"]


def test_two_values_of_a_type_that_people_have_once_are_a_conflict(pairs: Pairs) -> None:
    limits = {"types": {"union_id": {"only_one": True}}}
    graph = pairs.run([seen(M[0], U[0]), seen(M[0], U[1])], limits=limits)
    assert graph.stats["conflicts"] == 1 and pairs.one_id(*U[0]) != pairs.one_id(*U[1])


def test_datasets_give_pairs_of_the_chosen_columns(db: None, run_jobs: RunJobs) -> None:
    world = make_world()
    sources = [{"kind": "dataset", "dataset": world.members.pk, "columns": ["member_no", "phone"]}]
    services.update(world.access, {"sources": sources})
    services.run(world.access)
    run_jobs()
    graph = services.get_graph(world.workspace)
    assert graph.stats["people"] == 8
    assert queries.find(graph, "mobile", "13800000001") == queries.find(graph, "one_id", "u1")
    assert queries.person(graph, str(queries.find(graph, "one_id", "u3"))).values("mobile") == []
    assert datasets.used_by(world.members) == ["Identities"]


def test_hashes_meet_the_same_hashes_only(db: None, run_jobs: RunJobs) -> None:
    world = make_world()
    world.members.fields.filter(column="phone").update(encryption="md5")
    sources = [{"kind": "dataset", "dataset": world.members.pk, "columns": ["member_no", "phone"]}]
    services.update(world.access, {"sources": sources})
    services.run(world.access)
    run_jobs()
    graph = services.get_graph(world.workspace)
    found = queries.person(graph, str(queries.find(graph, "one_id", "u1")))
    assert [(item.id_type, item.encryption) for item in found.ids] == [("one_id", "plain")]


@pytest.mark.parametrize(
    "data, path",
    [
        ({"sources": "all"}, "sources"),
        ({"sources": [{"kind": "file"}]}, "sources/0/kind"),
        ({"sources": [{"kind": "table", "table": "none"}]}, "sources/0/table"),
        ({"sources": [{"kind": "dataset", "dataset": "ds_none"}]}, "sources/0/dataset"),
        ({"limits": {"max_ids": 1}}, "limits/max_ids"),
        ({"limits": {"types": {"shoe": {}}}}, "limits/types/shoe"),
        ({"limits": {"types": {"imei": {"use": "some"}}}}, "limits/types/imei/use"),
        ({"limits": {"types": {"imei": {"most": 0}}}}, "limits/types/imei/most"),
        ({"refresh": {"every": "now"}}, "refresh/every"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_settings_are_refused_at_their_path(pairs: Pairs, data: Any, path: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        services.update(pairs.access, data)
    assert list(refused.value.errors) == [path]


def test_a_run_without_sources_is_refused(pairs: Pairs) -> None:
    with pytest.raises(Conflict) as refused:
        services.run(pairs.access)
    assert refused.value.code == "no_sources"


def test_a_source_that_is_gone_fails_the_run_and_keeps_the_last_version(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0])])
    before = pairs.one_id(*M[0])
    graph = pairs.graph
    graph.sources = [{"kind": "table", "table": "gone"}]
    graph.save()
    services.run(pairs.access)
    [job] = pairs.run_jobs(allow_failure=True)
    graph = pairs.graph
    assert (job.status, graph.state, graph.version) == ("failed", "failed", 1)
    assert "gone" in graph.error and pairs.one_id(*M[0]) == before


def test_old_versions_are_dropped(pairs: Pairs) -> None:
    for _number in range(4):
        graph = pairs.run([seen(M[0], E[0])])
    kept = {name for name in lake.tables(pairs.workspace) if name.startswith(graph.pk)}
    assert {name.rsplit("_v", 1)[1].split("_")[0] for name in kept} == {"3", "4"}


def test_a_due_run_starts_once(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0])], refresh={"every": "day", "at": "02:00"})
    IdentityGraph.objects.update(next_run_at="2026-01-01T00:00:00Z")
    assert services.start_due() == 1
    assert services.start_due() == 0
    assert Job.objects.filter(kind="oneid.resolve", status="queued").count() == 1


def test_looking_somebody_up_needs_an_id_that_somebody_has(pairs: Pairs) -> None:
    with pytest.raises(Conflict) as unset:
        services.look_up(pairs.access, "mobile", M[0][1])
    assert unset.value.code == "no_identities"
    pairs.run([seen(M[0], E[0])])
    assert services.look_up(pairs.access, "mobile", "138 0000 0000") == pairs.one_id(*M[0])
    with pytest.raises(NotFound):
        services.look_up(pairs.access, "mobile", "13900000000")
    with pytest.raises(ValidationFailed):
        services.look_up(pairs.access, "shoe", "42")


def test_another_workspaces_people_are_not_found(pairs: Pairs) -> None:
    graph = pairs.run([seen(M[0], E[0])])
    other = make_access()
    services.update(other, {"limits": {"max_ids": 10}})
    assert queries.current_graph(other.workspace) is None
    assert services.get_graph(other.workspace).pk != graph.pk
