"""What audiences of each origin offer, and the refusal of everything else, in the console and by the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cdp.core.errors import ActionNotSupported
from insight.audiences import combining, fixed, origins, queries, services, snapshots
from insight.audiences.models import Audience
from insight.omni import audiences as omni_audiences
from insight.pushes.models import PushInterface
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.test_outside import from_table, lake_table, upload
from tests.insight.audiences.test_pages import Browser
from tests.insight.audiences.world import World
from tests.insight.omni import world as omni

COMMON = {"copy", "analyse", "download", "move", "delete", "use", "combine", "push"}
MATRIX = {
    "selection": {*COMMON, "edit", "refresh", "snapshot"},
    "combination": {*COMMON, "edit", "refresh", "snapshot"},
    "upload": {*COMMON, "replace", "snapshot"},
    "table": {*COMMON, "refresh", "snapshot"},
    "analysis": COMMON,
    "omni": {"use"},
}


def made_of_each(world: World, computed: Callable[..., Audience], run_jobs: Any) -> dict[str, Audience]:
    """A computed audience of every origin."""
    first, second = computed(), computed(name="Second")
    inputs = [{"audience": first.pk}, {"audience": second.pk}]
    lake_table(world, "ids", "SELECT unnest(['a', 'b']) AS user_unique_id")
    people = queries.members(queries.latest_version(first)).select("user_unique_id")
    made = {
        "selection": first,
        "combination": combining.create(
            world.access, {"name": "C", "inputs": inputs, "operators": ["union"]}
        ),
        "upload": upload(world),
        "table": from_table(world),
        "analysis": fixed.keep(world.access, world.members, people, "A funnel", {"name": "Kept"}),
        "omni": _omni(world, run_jobs),
    }
    run_jobs()
    for row in made.values():
        row.refresh_from_db()
    return made


def _omni(world: World, run_jobs: Any) -> Audience:
    omni.installed(world.access, run_jobs)
    pushed = omni.uploaded(world.access, "Devices", [omni.imei(number) for number in range(60)], run_jobs)
    omni.brought_in(world.access, pushed, run_jobs)
    groups = [{"items": [{"tag": "sex", "values": ["f"]}]}]
    return omni_audiences.create(world.access, {"name": "Women here", "groups": groups})


@dataclass
class Api:
    """One call per action; those that change nothing that the others need come first."""

    client: Client
    world: World
    other: Audience

    def calls(self, row: Audience) -> list[tuple[str, Any]]:
        base, both = f"audiences/{row.pk}/", {"audiences": [row.pk, self.other.pk]}
        leaf = {"kind": "audience", "audience": row.pk}
        interface = PushInterface.objects.get(workspace=self.world.workspace)
        perspective = {"dataset": self.world.members.pk, "audience": row.pk, "tags": ["gender"]}
        combination = {
            "name": "X",
            "inputs": [{"audience": row.pk}, {"audience": self.other.pk}],
            "operators": ["union"],
        }
        file = SimpleUploadedFile("ids.txt", b"x")
        post, get = self.client.post, self.client.get
        return [
            ("download", get(f"{base}export/")),
            ("download", get(f"{base}members/")),
            ("analyse", post("analysis/perspective/", perspective)),
            ("analyse", post(f"{base}explain/", {"id": "u1"})),
            ("analyse", get(f"{base}compare/?from=1&to=1")),
            ("combine", post("audiences/overlap/", both)),
            ("combine", post("audiences/preview/", {"rule": leaf})),
            ("combine", post("audiences/combine/", combination)),
            ("push", post("pushes/", {"audience": row.pk, "interface": interface.pk, "fields": []})),
            ("snapshot", post(f"{base}snapshots/")),
            ("copy", post(f"{base}copy/", {"name": f"Copy of {row.pk}"})),
            ("move", post("audiences/move/", {"audiences": [row.pk], "folder": None})),
            ("move", self.client.patch(base, {"remark": "Looked at"})),
            ("edit", self.client.patch(base, {"save_ids": []})),
            ("refresh", self.client.patch(base, {"refresh": {"every": "day", "at": "03:00"}})),
            ("refresh", post(f"{base}refresh/")),
            ("replace", post(f"{base}file/", {"file": file}, format="multipart")),
            ("delete", self.client.delete(base)),
        ]


def test_everything_that_an_origin_does_not_offer_is_refused_by_the_api(
    world: World, computed: Callable[..., Audience], run_jobs: Any
) -> None:
    of_each = made_of_each(world, computed, run_jobs)
    assert {row.origin for row in of_each.values()} == set(origins.ORIGINS.keys())
    assert {key: set(origins.actions_of(row)) for key, row in of_each.items()} == MATRIX
    api = Api(Client(world.access), world, computed(name="Beside"))
    for origin, row in of_each.items():
        for action, answer in api.calls(row):
            refused = answer.status_code == 409 and answer.json()["code"] == "action_not_supported"
            assert (origin, action, refused) == (origin, action, action not in MATRIX[origin])


def pages(console: Browser, row: Audience, world: World) -> list[tuple[str, Any]]:
    """One page or button per action, none of which changes the audience but the last."""
    base, client = f"{row.pk}/", console.client
    below = f"/w/{world.workspace.slug}/"
    return [
        ("edit", console.get(f"{base}{'combination' if row.origin == 'combination' else 'edit'}/")),
        ("replace", console.get(f"{base}file/")),
        ("refresh", console.get(f"{base}settings/")),
        ("copy", console.get(f"{base}copy/")),
        ("analyse", client.get(f"{below}analysis/audience/?audience={row.pk}")),
        ("analyse", console.get(f"{base}person/")),
        ("analyse", console.get(f"{base}compare/")),
        ("download", console.get(f"{base}export/")),
        ("download", console.get(f"{base}members/")),
        ("move", console.get(f"{base}details/")),
        ("delete", console.get(f"{base}delete/")),
        ("push", client.get(f"{below}pushes/audience/{row.pk}/")),
        ("snapshot", console.post(f"{base}snapshots/")),
        ("refresh", console.post(f"{base}refresh/", snapshot="plain")),
    ]


BUTTONS = {
    "refresh": "{pk}/settings/",
    "snapshot": "{pk}/snapshots/",
    "copy": "{pk}/copy/",
    "analyse": "{pk}/person/",
    "download": "{pk}/export/",
    "delete": "{pk}/delete/",
    "push": "/pushes/audience/{pk}/",
    "replace": "{pk}/file/",
}


def test_the_console_shows_and_opens_exactly_what_an_origin_offers(
    world: World, computed: Callable[..., Audience], run_jobs: Any
) -> None:
    console = Browser(world.access)
    for origin, row in made_of_each(world, computed, run_jobs).items():
        detail = console.get(f"{row.pk}/").content.decode()
        menu = console.get(f"{row.pk}/card/menu/").content.decode()
        for action, pattern in BUTTONS.items():
            part = pattern.format(pk=row.pk)
            assert (origin, action, part in detail) == (origin, action, action in MATRIX[origin])
            if action in MATRIX[origin] and action not in ("snapshot", "replace", "analyse"):
                assert (origin, action, part in menu) == (origin, action, True)
        for action, answer in pages(console, row, world):
            offered = answer.status_code in (200, 302)
            assert (origin, action, offered) == (origin, action, action in MATRIX[origin])
            assert offered or answer.status_code == 409


def test_snapshots_are_refused_where_the_members_can_never_be_others(
    world: World, computed: Callable[..., Audience], run_jobs: Any
) -> None:
    people = queries.members(queries.latest_version(computed())).select("user_unique_id")
    kept = fixed.keep(world.access, world.members, people, "A funnel", {"name": "Kept"})
    run_jobs()
    kept.refresh_from_db()
    with pytest.raises(ActionNotSupported):
        snapshots.take(world.access, kept)
    assert not kept.versions.filter(is_snapshot=True).exists()


def test_an_audience_of_a_table_can_be_refreshed_by_itself(world: World, run_jobs: Any) -> None:
    lake_table(world, "ids", "SELECT unnest(['a', 'b']) AS user_unique_id")
    audience = from_table(world)
    run_jobs()
    services.set_refresh(world.access, audience, {"every": "day", "at": "03:00"}, auto_snapshot=True)
    audience.refresh_from_db()
    assert audience.next_refresh_at is not None and audience.auto_snapshot


def test_the_rule_of_a_set_operation_follows_from_its_inputs_alone(
    world: World, computed: Callable[..., Audience], run_jobs: Any
) -> None:
    inputs = [{"audience": computed().pk}, {"audience": computed(name="Second").pk}]
    both = combining.create(world.access, {"name": "C", "inputs": inputs, "operators": ["union"]})
    answer = Client(world.access).patch(f"audiences/{both.pk}/", {"rule": world.women})
    assert answer.status_code == 400 and "rule" in answer.json()["errors"]
    builder = Browser(world.access).get(f"{both.pk}/edit/")
    assert builder.status_code == 302 and builder.url.endswith(f"{both.pk}/combination/")
