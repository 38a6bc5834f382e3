"""The suite itself, on data so small that nothing can be said about speed: that it runs, and that answers agree."""

from __future__ import annotations

import pytest

from bench.pages import walk
from bench.suite import SUITE

TINY = 0.0002
COMPARED = sorted(set(SUITE) - {"B11", "CHAOS"})
"""`CHAOS` compares nothing; tests/marketing/delivery/test_chaos.py runs the same."""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", COMPARED)
def test_every_comparison_runs_and_its_contestants_agree(name: str) -> None:
    for result in SUITE[name](TINY, 1):
        assert result.id == name
        assert result.ours in result.seconds and len(result.seconds) > 1
        assert set(result.goals) <= set(result.seconds)


@pytest.mark.slow
@pytest.mark.django_db
def test_no_page_needs_more_queries_in_a_workspace_with_more_objects() -> None:
    sizes = dict.fromkeys(
        ("audiences", "datasets", "jobs", "tables", "folders", "members", "templates", "send-outs"), 20
    )
    pages, empty = walk({**sizes, "suppressions": 20, "notices": 20, "audit entries": 200}, 0)
    assert len(pages) > 100 and len(empty) == len(pages)
    assert {page.place: page.queries for page in pages if not page.is_constant} == {}
