"""Short links of the demo workspace."""

from __future__ import annotations

import pytest

from cdp.demo import short_links
from marketing.links import queries
from marketing.links.models import LinkClick, ShortLink
from tests.factories import make_access


@pytest.mark.django_db
def test_three_links_with_clicks_are_made_once() -> None:
    access = make_access()
    for _run in range(2):
        short_links.load(access)
        assert ShortLink.objects.count() == len(short_links.LINKS)
        assert LinkClick.objects.count() == sum(count for *_rest, count in short_links.LINKS)
    for link in ShortLink.objects.select_related("workspace"):
        found = queries.numbers(link)
        assert 0 < found["named"] < found["people"] <= found["clicks"]
        assert link.created_at <= found["first_at"] and found["last_at"] < link.expires_at
    assert sorted(link.state for link in ShortLink.objects.all()) == ["active", "active", "expired"]
