"""A page's form as a browser would send it, where nothing is touched."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any


class _Form(HTMLParser):
    """Collects what the page's last form of method POST holds; disabled inputs are not sent."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.named_by: dict[str, str] = {}
        self._select = self._area = ""
        self._options: list[tuple[str, bool]] = []
        self._option: tuple[str, bool] | None = None
        self._inside = False

    def handle_starttag(self, tag: str, found: list[tuple[str, str | None]]) -> None:
        given = dict(found)
        name = given.get("name") or ""
        if tag == "form":
            self._inside = given.get("method") == "post" and "data-guard" in given
        if not self._inside or "disabled" in given:
            return
        if tag == "input" and name and given.get("type") not in ("submit", "button", "file"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.values.setdefault(name, []).append(
                    given.get("value") or ("on" if given.get("type") == "checkbox" else "")
                )
            if place := given.get("data-from"):
                self.named_by[name] = place
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "textarea":
            self._area = name
            self.values.setdefault(name, []).append("")
        elif tag == "option" and self._select:
            self._end_option()
            self._option = (given["value"] or "", "selected" in given) if "value" in given else None
            if self._option is None:
                self._option = ("\0", "selected" in given)

    def handle_data(self, data: str) -> None:
        if self._option is not None and self._option[0] == "\0":
            self._option = (data.strip(), self._option[1])
        elif self._area:
            self.values[self._area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == "option":
            self._end_option()
        elif tag == "select" and self._select:
            self._end_option()
            chosen = [value for value, is_chosen in self._options if is_chosen]
            if self._options:
                self.values.setdefault(self._select, []).append((chosen or [self._options[0][0]])[-1])
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def _end_option(self) -> None:
        if self._option is not None:
            self._options.append(self._option)
        self._option = None


def untouched(page: str) -> dict[str, Any]:
    """What saving the form of this page sends, the parts that scripts fill included."""
    form = _Form()
    form.feed(page)
    sent: dict[str, Any] = dict(form.values)
    for name, place in form.named_by.items():
        sent[name] = _script(page, place)
    if "stages" in sent:
        sent["stages"] = json.dumps(json.loads(_script(page, "aipl-data"))["stages"])
    return sent


def _script(page: str, place: str) -> str:
    found = re.search(rf'<script id="{place}" type="application/json">(.*?)</script>', page, re.S)
    assert found is not None
    return found[1]
