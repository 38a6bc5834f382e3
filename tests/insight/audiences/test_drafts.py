"""Drafts: rules that are kept without being computed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from cdp.jobs.models import Job
from insight.audiences import refreshing, services, tasks
from insight.audiences.models import Audience
from tests.insight.audiences.world import World

RunJobs = Callable[..., list[Job]]


@pytest.fixture
def draft(world: World) -> Audience:
    return services.create(world.access, {"name": "Idea", "rule": world.women, "draft": True})


def test_a_draft_is_not_computed(draft: Audience, run_jobs: RunJobs) -> None:
    assert run_jobs() == []
    draft.refresh_from_db()
    assert (draft.draft, draft.state, draft.count) == (True, "draft", None)


def test_a_changed_draft_stays_one(world: World, draft: Audience, run_jobs: RunJobs) -> None:
    services.update(world.access, draft, {"rule": world.tag("city", "not_empty"), "draft": True})
    assert run_jobs() == []
    draft.refresh_from_db()
    assert draft.draft and draft.rule["tag"] == "city"


def test_saving_it_as_an_audience_computes_it(world: World, draft: Audience, run_jobs: RunJobs) -> None:
    services.update(world.access, draft, {"rule": world.women, "draft": False})
    run_jobs()
    draft.refresh_from_db()
    assert (draft.draft, draft.state, draft.count) == (False, "succeeded", 4)


def test_a_draft_is_not_refreshed_by_hand(world: World, draft: Audience) -> None:
    with pytest.raises(Conflict) as refused:
        refreshing.refresh(world.access, draft)
    assert refused.value.code == "audience_is_draft"


def test_a_draft_is_not_refreshed_by_schedule(world: World, draft: Audience) -> None:
    services.update(world.access, draft, {"refresh": {"every": "day"}})
    Audience.objects.filter(pk=draft.pk).update(next_refresh_at=timezone.now() - timedelta(hours=1))
    assert tasks.start_due_refreshes() == 0
    draft.refresh_from_db()
    assert draft.next_refresh_at is not None and draft.next_refresh_at > timezone.now()


def test_a_computed_audience_does_not_become_a_draft_again(
    world: World, computed: Callable[..., Audience]
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        services.update(world.access, computed(), {"draft": True})
    assert list(refused.value.errors) == ["draft"]


def test_a_copy_of_a_draft_is_a_draft(world: World, draft: Audience, run_jobs: RunJobs) -> None:
    copied = services.copy(world.access, draft, {})
    assert copied.draft and run_jobs() == []


def test_drafts_through_the_api(world: World, run_jobs: RunJobs) -> None:
    from tests.insight.audiences.test_audience_api import Client

    client: Any = Client(world.access)
    made = client.post("audiences/", {"name": "Idea", "rule": world.women, "draft": True}, format="json")
    assert made.status_code == 201 and made.json()["draft"] is True
    assert client.post(f"audiences/{made.json()['id']}/refresh/").json()["code"] == "audience_is_draft"
    client.patch(f"audiences/{made.json()['id']}/", {"draft": False}, format="json")
    run_jobs()
    assert client.get(f"audiences/{made.json()['id']}/").json()["count"] == 4
