"""By which ID, and in which form of it, people are known: what does not compare is not combined."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest
from django.apps import apps

from cdp.core.errors import ValidationFailed
from insight.audiences import (
    combine_choices,
    combining,
    counting,
    gathering,
    identities,
    overlap,
    queries,
    rule_checks,
    rules,
    services,
)
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets.models import Dataset, DatasetField
from marketing.delivery import offering
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.world import World, make_dataset

RunJobs = Callable[..., list[Any]]
PHONES = ["13800000001", "13800000002", "13900000009"]


def md5(value: str) -> str:
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def callers(world: World, encryption: str = "plain") -> Dataset:
    """A dataset that knows three people by their mobile numbers, plain or as hashes."""
    ids = [md5(phone) for phone in PHONES] if encryption == "md5" else PHONES
    table = pa.table({"user_unique_id": ids, "vip": ["yes"] * 3, "mail": ["a@x.cn", "b@x.cn", None]})
    dataset = make_dataset(world.workspace, f"Callers {encryption}", "user_tags", table, unique_users=True)
    DatasetField.objects.bulk_create(
        [
            DatasetField(
                dataset=dataset, column="phone", role="identifier", id_type="mobile", encryption=encryption
            ),
            DatasetField(dataset=dataset, column="mail", role="id", id_type="email", name="Mail"),
            DatasetField(dataset=dataset, column="vip", role="tag", tag_type="enum", name="VIP"),
        ]
    )
    return dataset


def vip(dataset: Dataset) -> dict[str, Any]:
    return {"kind": "tag", "dataset": dataset.pk, "tag": "vip", "operator": "in", "value": ["yes"]}


@pytest.fixture
def kept(world: World, run_jobs: RunJobs) -> Callable[..., Audience]:
    """Makes and computes the audience of a dataset's people, saving no IDs but their identifier."""

    def make(dataset: Dataset, save_ids: Any = ()) -> Audience:
        data = {"name": dataset.name, "rule": vip(dataset), "save_ids": list(save_ids)}
        audience = services.create(world.access, data)
        run_jobs()
        return Audience.objects.select_related("current", "workspace").get(pk=audience.pk)

    return make


# Out of whom


def test_who_did_not_is_taken_out_of_a_dataset_of_the_same_ids_only(world: World) -> None:
    rule = world.bought(did=False, base=callers(world).pk)
    with pytest.raises(ValidationFailed) as refused:
        counting.preview_counts(world.access, {"op": "union", "items": [world.women, rule]})
    assert list(refused.value.errors) == ["rule/items/1/base"]
    message = str(refused.value.errors["rule/items/1/base"])
    assert "by Mobile number" in message and "by OneID" in message


def test_the_api_refuses_such_a_dataset_at_its_path(world: World) -> None:
    rule = world.bought(did=False, base=callers(world).pk)
    answer = Client(world.access).post("audiences/preview/", {"rule": rule}, format="json")
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["rule/base"]


def test_who_did_not_can_be_saved_with_the_ids_of_the_dataset_they_are_out_of(
    world: World, computed: Callable[..., Audience]
) -> None:
    rule = world.bought(did=False, base=world.members.pk)
    offered = identities.offered_ids(
        rules.parse_rule(rule), WorkspaceCatalog(world.workspace, access=world.access)
    )
    assert [(item["id_type"], item["dataset"]) for item in offered] == [
        ("one_id", world.members.pk),
        ("mobile", world.members.pk),
    ]
    audience = computed(rule, save_ids=["mobile"])
    found = [
        row for batch in queries.member_batches(audience.current, ["mobile"]) for row in batch.to_pylist()
    ]
    assert {row["user_unique_id"]: row["mobile"] for row in found} == {
        "u3": None,
        "u4": "13800000004",
        "u5": None,
        "u6": "13800000006",
        "u7": "13800000007",
        "u8": "13800000008",
    }
    assert audience.current is not None and audience.current.id_stats["mobile"]["filled"] == 4
    client = Client(world.access)
    lines = b"".join(client.get(f"audiences/{audience.pk}/export/").streaming_content).decode().splitlines()
    assert lines[0].lstrip("\ufeff") == "user_unique_id,mobile" and len(lines) == 7


# The form of the identifier


def test_the_form_of_an_identifier_that_is_not_saved_is_not_lost(
    world: World, kept: Callable[..., Audience]
) -> None:
    audience = kept(callers(world, "md5"), ["email"])
    assert audience.known_by == ("mobile", "md5")
    held = {item["id_type"]: item["encryption"] for item in queries.id_types(audience)}
    assert held == {"mobile": "md5", "email": "plain"}
    assert offering.refusal(audience, ["mobile"]) == "holds hashes only: Mobile number"
    assert audience.current is not None and queries.target_column(audience.current, "mobile") is None
    crowd = gathering.Crowd([audience.current], [], "mobile")
    assert (crowd.form, gathering.reach(crowd).reachable) == ("md5", len(PHONES))
    plain = kept(callers(world), ["email"])
    assert plain.current is not None
    with pytest.raises(ValidationFailed) as refused:
        gathering.reach(gathering.Crowd([plain.current, audience.current], [], "mobile"))
    assert refused.value.code == "no_usable_id"
    shown = Client(world.access).get(f"audiences/{audience.pk}/").json()
    assert (shown["user_id_type"], shown["user_id_encryption"]) == ("mobile", "md5")


def test_an_audience_of_such_an_audience_has_its_form(
    world: World, kept: Callable[..., Audience], computed: Callable[..., Audience]
) -> None:
    first = kept(callers(world, "md5"))
    second = computed({"kind": "audience", "audience": first.pk}, name="Second", save_ids=[])
    assert second.known_by == ("mobile", "md5")


def test_earlier_versions_get_their_form_from_what_their_rules_read(
    world: World, kept: Callable[..., Audience], computed: Callable[..., Audience]
) -> None:
    hashed = kept(callers(world, "md5"))
    plain = kept(callers(world))
    above = computed(
        {"op": "union", "items": [{"kind": "audience", "audience": hashed.pk}]}, name="Above", save_ids=[]
    )
    AudienceVersion.objects.update(user_id_encryption="plain")
    import_module("insight.audiences.migrations.0004_form_of_identifiers").derive(apps, None)
    found = dict(AudienceVersion.objects.values_list("audience", "user_id_encryption"))
    assert found == {hashed.pk: "md5", plain.pk: "plain", above.pk: "md5"}


# What does not compare


@pytest.fixture
def both(world: World, kept: Callable[..., Audience]) -> list[Audience]:
    """The same people, known by their numbers and by hashes of these."""
    return [kept(callers(world)), kept(callers(world, "md5"))]


def test_conditions_of_different_forms_are_refused_and_no_translation_is_offered(world: World) -> None:
    rule = {"op": "intersect", "items": [vip(callers(world)), vip(callers(world, "md5"))]}
    with pytest.raises(ValidationFailed) as refused:
        rule_checks.checked_rule(world.access, rule)
    assert "Mobile number (MD5)" in str(refused.value.errors["rule/items/1/dataset"])
    assert "translations" not in refused.value.extra


def test_members_of_another_form_are_refused_in_a_rule(world: World, both: list[Audience]) -> None:
    leaves = [{"kind": "audience", "audience": row.pk} for row in both]
    answer = Client(world.access).post(
        "audiences/preview/", {"rule": {"op": "intersect", "items": leaves}}, format="json"
    )
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["rule/items/1/audience"]


def test_a_set_operation_of_different_forms_is_refused_and_greyed_with_the_reason(
    world: World, both: list[Audience]
) -> None:
    inputs = [{"audience": row.pk} for row in both]
    with pytest.raises(ValidationFailed) as refused:
        combining.create(world.access, {"name": "All", "inputs": inputs, "operators": ["union"]})
    assert list(refused.value.errors) == ["inputs/1"]
    found = combine_choices.found(world.access, combine_choices.Wanted(beside=[both[0].pk]))["results"]
    reasons = {row["value"]: row["reason"] for row in found}
    assert reasons == {
        both[0].pk: "",
        both[1].pk: "Knows its people by Mobile number (MD5), not by Mobile number.",
    }


def test_the_overlap_of_different_forms_is_refused(world: World, both: list[Audience]) -> None:
    for ask in (overlap.measure, overlap.split):
        with pytest.raises(ValidationFailed) as refused:
            ask(world.access, [row.pk for row in both])
        assert list(refused.value.errors) == ["audiences"]
