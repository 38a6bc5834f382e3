"""The frozen content of a send-out: one message, or one per variant.

With variants it is that of the first, which also holds what all share, and under `variants` those of all.
"""

from __future__ import annotations

from typing import Any

from marketing.content import push, rendering

VARIANTS = "variants"
VERSION = "template_version"
"""Which version of its template a message was frozen from."""


def of_variant(content: dict[str, Any], number: int) -> dict[str, Any]:
    """What people with the variant get; without variants everybody gets the same."""
    found = all_of(content)
    return found[number] if number < len(found) else found[0]


def all_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """One per variant, or the only one."""
    shared = {key: value for key, value in content.items() if key != VARIANTS}
    return content.get(VARIANTS) or [shared]


def texts(content: dict[str, Any]) -> list[str]:
    """Everything of one message in which variables and links may stand."""
    more = push.texts(content["push"]) if "push" in content else []
    more = [*more, *map(str, content.get("parameters", {}).values())]
    return [*(str(content.get(part, "")) for part in ("subject", "html", "text")), *more]


def links(content: dict[str, Any], *, taps: bool) -> list[str]:
    """The web addresses of one message whose clicks can be counted. `taps`: also what a push message's tap opens.

    One with variables is different for each person, and is not counted.
    """
    found = rendering.links(content.get("html", ""))
    tap = content.get("push", {})
    if taps and tap.get("action") == push.Action.URL and not rendering.variables(tap["url"]):
        found.append(tap["url"])
    return found


def together(contents: list[dict[str, Any]]) -> dict[str, Any]:
    """As it is kept in the send-out. One promotion among the variants makes all of them promotions."""
    if len(contents) == 1:
        return contents[0]
    promotion = [row["purpose"] for row in contents if row["purpose"] == "promotion"]
    if promotion:
        contents = [{**row, "purpose": promotion[0]} for row in contents]
    return {**contents[0], VARIANTS: contents}
