"""The guides of docs/ as pages of the console."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from markdown_it import MarkdownIt

DOCS = Path(settings.ROOT) / "docs"
TOPICS = {
    "user-guide/walkthrough": gettext_lazy("From a file to a message, step by step"),
    "user-guide/datasets": gettext_lazy("Make datasets and models"),
    "user-guide/audiences": gettext_lazy("Choose audiences"),
    "user-guide/analysis": gettext_lazy("Analyse people"),
    "user-guide/send-outs": gettext_lazy("Send messages and see what they bring"),
    "user-guide/people-and-permissions": gettext_lazy("People and permissions"),
}
"""What people ask most; the home page offers it."""
LATEST = 3
"""Release notes that the home page shows."""
GUIDES = ("user-guide", "integrator-guide", "operator-guide", "decisions", "releases")


def page(request: HttpRequest, name: str) -> HttpResponse:
    """One page of a guide, or the list of all."""
    name = name.removesuffix(".md")
    if name == "index":
        return render(request, "console/help_index.html", {"guides": contents()})
    path = (DOCS / f"{name}.md").resolve()
    if not path.is_relative_to(DOCS) or not path.is_file():
        raise Http404
    title, html = _rendered(path, path.stat().st_mtime_ns)
    # Our own files, rendered with HTML switched off.
    return render(request, "console/help_page.html", {"title": title, "html": mark_safe(html), "name": name})


def topics() -> list[dict[str, Any]]:
    """[{"name", "title"}]"""
    return [{"name": name, "title": title} for name, title in TOPICS.items()]


def releases(most: int = LATEST) -> list[dict[str, str]]:
    """The newest release notes, the latest first: [{"name", "title"}]."""
    files = sorted((DOCS / "releases").glob("*.md"), key=_order, reverse=True)[:most]
    return [{"name": f"releases/{path.stem}", "title": _title(path)} for path in files]


def contents() -> list[dict[str, Any]]:
    """Guides with their pages: [{"name", "pages": [{"name", "title"}]}]."""
    found: list[dict[str, Any]] = []
    for guide in GUIDES:
        files = sorted((DOCS / guide).glob("*.md"), key=_order) if (DOCS / guide).is_dir() else []
        single = DOCS / f"{guide}.md"
        pages = [
            {"name": str(path.relative_to(DOCS).with_suffix("")), "title": _title(path)}
            for path in ([single] if single.is_file() else []) + files
        ]
        if pages:
            found.append({"name": guide.replace("-", " ").capitalize(), "pages": pages})
    return found


def _order(path: Path) -> list[tuple[int, str]]:
    """The name with its numbers as numbers, so that 0.9 stands before 0.10."""
    parts = re.findall(r"(\d+)|(\D+)", path.stem)
    return [(int(digits), "") if digits else (-1, text) for digits, text in parts]


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return lines.readline().removeprefix("#").strip()


@lru_cache(maxsize=200)
def _rendered(path: Path, _changed: int) -> tuple[str, str]:
    text = path.read_text(encoding="utf-8")
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    # A corner without text is no heading to a screen reader.
    html = html.replace("<table>", '<table class="table table-sm">').replace("<th></th>", "<td></td>")
    # Each line of a table that begins with a code can be linked to, as problem documents do.
    if path.name == "errors.md":
        html = re.sub(r"<td><code>([a-z_]+)</code></td>", r'<td id="\1"><code>\1</code></td>', html)
    return _title(path), re.sub(r'href="([^":]+)\.md(#[^"]*)?"', r'href="../\1/\2"', html)
