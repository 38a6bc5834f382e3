"""From a table to an AIPL model: by way of the datasets that are made of the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.insight.datasets.world import BEHAVIOUR, World

pytestmark = pytest.mark.django_db


def test_the_page_of_a_table_leads_to_a_model_of_its_datasets(run_jobs: Callable[..., list[Any]]) -> None:
    world = World(run_jobs)
    members, events = world.dataset(), world.dataset(BEHAVIOUR)
    alone = world.table("alone", "SELECT 1 AS id")
    client = Client()
    client.force_login(world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    home = f"/w/{world.workspace.slug}"
    link = f"{home}/aipl/new/?table=members"
    assert f'href="{link}"' in client.get(f"{home}/sources/tables/{members.table_id}/").content.decode()
    page = client.get(link).content.decode()
    assert f'value="{members.pk}"' in page and f'value="{events.pk}"' not in page
    empty = client.get(f"{home}/aipl/new/?table={alone.name}").content.decode()
    assert "No dataset of the table alone yet" in empty
    assert f"{home}/datasets/new/?kind=user_tags&amp;table=alone" in empty
