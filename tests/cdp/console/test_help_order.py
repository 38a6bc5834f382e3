"""The order of the pages of a guide."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdp.console import help_pages


def test_numbers_in_names_are_sorted_as_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "releases").mkdir()
    for name in ("0.10", "0.9", "1.0", "0.1", "notes"):
        (tmp_path / "releases" / f"{name}.md").write_text(f"# {name}\n")
    monkeypatch.setattr(help_pages, "DOCS", tmp_path)
    (guide,) = help_pages.contents()
    assert [row["title"] for row in guide["pages"]] == ["notes", "0.1", "0.9", "0.10", "1.0"]
