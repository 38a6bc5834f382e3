"""What the tests of these pages share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from insight.audiences import services as audiences
from insight.audiences.models import Audience
from tests.insight.audiences.world import World

RunJobs = Callable[..., list[Any]]
RECORDS = [
    ("u1", datetime(2026, 1, 5, 10), "visit"),
    ("u1", datetime(2026, 1, 6, 10), "cart"),
    ("u1", datetime(2026, 1, 14, 10), "purchase"),
    ("u2", datetime(2026, 1, 7, 10), "visit"),
    ("u2", datetime(2026, 1, 7, 12), "cart"),
    ("u3", datetime(2026, 1, 12, 10), "visit"),
    ("u3", datetime(2026, 1, 20, 10), "visit"),
    ("u9", datetime(2026, 1, 13, 10), "purchase"),
]
PERIOD = {"from": "2026-01-05", "to": "2026-01-31"}
FUNNEL = {**PERIOD, "steps": [{"type": ["visit"]}, {"type": ["cart"]}, {"type": ["purchase"]}], "days": 30}


def page(world: World, path: str) -> str:
    return f"/w/{world.workspace.slug}/behaviour/{path}"


def computed(run_jobs: RunJobs, audience_id: str) -> Audience:
    run_jobs()
    return Audience.objects.get(pk=audience_id)


def links(body: str, word: str) -> list[str]:
    found = [unescape(link) for link in re.findall(r'href="([^"]*/audience/\?[^"]*)"', body)]
    return [link for link in found if word in link]


def kept_or_built(console: Client, run_jobs: RunJobs, world: World, where: str, name: str) -> int:
    """Make the audience that a link leads to, by its form or by the rule that the builder opens with."""
    answer = console.get(where)
    if answer.status_code == 302:
        rule = json.loads(parse_qs(urlsplit(answer["Location"]).query)["rule"][0])
        made = audiences.create(world.access, {"name": name, "rule": rule})
        return computed(run_jobs, made.pk).count or 0
    assert answer.status_code == 200, answer.content.decode()
    shown = re.search(r"data-count>([\d,]+)<", answer.content.decode())
    assert console.post(where, {"name": name}).status_code == 302
    run_jobs()
    count = Audience.objects.get(name=name).count
    assert shown is not None and int(shown[1]) == count
    return count or 0
