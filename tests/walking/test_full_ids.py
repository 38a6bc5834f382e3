"""IDs in full: on no address without the right to see them, and with it never without an entry in the audit log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from admin_center.audit.models import AuditEntry
from admin_center.permissions.models import Role
from admin_center.permissions.points import POINTS
from tests.factories import make_access
from tests.insight.audiences.world import PEOPLE
from tests.walking.addresses import addresses
from tests.walking.full import Full, make_full
from tests.walking.test_workspaces import api, console

UNMASK = ("privacy.unmask", "marketing.recipients.unmask")
KNOWN = {phone for _user, phone, *_tags in PEOPLE if phone}
FULL = re.compile("|".join([*(rf"(?<!\d){phone}(?!\d)" for phone in sorted(KNOWN)), r"\bu\d@example\.com"]))
PER_TOKEN = 50


def holder(full: Full, code: str, points: list[str]) -> Any:
    Role.objects.create(workspace=full.workspace, code=code, name=code, permissions=points)
    return make_access(full.workspace, code)


def paths(full: Full) -> Iterator[tuple[bool, str]]:
    """(whether it is of the API, path) of everything that can be read, and of the ways to read it as a file."""
    slug = full.workspace.slug
    for address in addresses():
        yield address.is_api, address.path(slug, full.objects)
    for path in full.more:
        yield False, f"/w/{slug}/{path}"


def seen(access: Any, full: Full) -> dict[str, bool]:
    """Paths whose answer holds an ID in full, and whether reading it was written to the audit log."""
    browser, client, found = console(access), api(access), {}
    for place, (is_api, path) in enumerate(paths(full), start=1):
        if place % PER_TOKEN == 0:
            # A token may ask only so often in a minute.
            client = api(access)
        before = AuditEntry.objects.count()
        answer = (client if is_api else browser).get(path)
        if answer.streaming and answer.is_async:
            # The progress of a job, which has no end.
            continue
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if answer.status_code == 200 and FULL.search(body.decode(errors="replace")):
            found[path] = AuditEntry.objects.count() > before
    return found


def test_ids_in_full_are_seen_by_right_only_and_never_unnoticed(run_jobs: Callable[..., Any]) -> None:
    full = make_full(run_jobs)
    every = [point.code for point in POINTS]
    masked = holder(full, "masked", [code for code in every if code not in UNMASK])
    assert seen(masked, full) == {}
    found = seen(holder(full, "unmasked", every), full)
    assert [path for path, noted in found.items() if not noted] == []
    assert len(found) > 5
