"""What pages show of push messages: the card with the tap's target, figures of a send-out, the channel's effect."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, pgettext

from cdp.console.generic import Fact
from marketing.content import push
from marketing.delivery.funnel import steps
from marketing.delivery.models import SendOut
from marketing.webhooks.calling import EXAMPLES

NOTHING = "--"


def preview(answer: dict[str, Any]) -> dict[str, Any]:
    """The phone and what a tap does, from a preview of the message."""
    kept = push.complete(answer["push"])
    action = push.Action(kept["action"])
    facts = [Fact(gettext("After a tap"), action.label)]
    targets = {
        push.Action.URL: (gettext("Link"), kept["url"]),
        push.Action.PAGE: (gettext("Activity"), f"{kept['package']} · {kept['activity']}"),
        push.Action.CUSTOM: (gettext("Text for the app"), kept["custom"]),
    }
    if action in targets:
        facts.append(Fact(*targets[action]))
    facts += [Fact(name, text) for name, text in kept["extra"].items()]
    facts.append(Fact(gettext("Hours to live"), kept["ttl_hours"]))
    phone = {"title": answer["subject"], "text": answer["text"], "subtitle": kept["subtitle"]}
    return {"phone": phone, "tap": facts}


def example(send_out: SendOut, id_type: str) -> str:
    """A target as it is typed for a test."""
    return EXAMPLES[id_type]


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def share(value: float | None) -> str:
    return NOTHING if value is None else f"{value * 100:.1f} %"


def tiles(effect: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of a send-out, each with its rate."""
    figures, rates = effect["push"], effect["push"]["rates"]
    kept_back = [(gettext("Kept back"), effect["kept_back"], "")] if effect["kept_back"] else []
    shown = [
        (gettext("Audience"), effect["target"], ""),
        (gettext("Left out"), effect["left_out"], ""),
        *kept_back,
        (
            gettext("Planned"),
            figures["planned"],
            gettext("Match rate %(rate)s") % {"rate": share(rates["match"])},
        ),
        (pgettext("push message", "Pushed"), figures["sent"], ""),
        (
            pgettext("push message", "Received"),
            figures["received"],
            gettext("Rate %(rate)s") % {"rate": share(rates["receive"])},
        ),
        (gettext("Opened"), figures["opened"], gettext("Rate %(rate)s") % {"rate": share(rates["open"])}),
        (gettext("Ignored"), figures["ignored"], gettext("Rate %(rate)s") % {"rate": share(rates["ignore"])}),
        (gettext("Failed"), effect["failed"], ""),
        (gettext("Unknown"), effect["unknown"], ""),
    ]
    return [{"label": label, "value": count(value), "hint": hint} for label, value, hint in shown]


def funnel(effect: dict[str, Any]) -> list[dict[str, Any]]:
    """Steps from the audience to the tap, each as a share of the audience; what nobody can know is no step."""
    figures, whole = effect["push"], effect["target"]
    rows = [
        (gettext("Audience"), whole),
        (gettext("Planned"), figures["planned"]),
        (pgettext("push message", "Pushed"), figures["sent"]),
        (pgettext("push message", "Received"), figures["received"]),
        (gettext("Opened"), figures["opened"]),
    ]
    return steps(rows, whole)
