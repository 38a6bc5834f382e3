"""The page of one send-out: the message before it leaves, progress while it leaves, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import DetailPage, Fact
from marketing.channels.models import Provider
from marketing.content import reviews
from marketing.content.columns import carriers_of
from marketing.delivery import (
    approval_pages,
    breakdown,
    channel_figures,
    contents,
    conversion_page,
    copying,
    course_page,
    custom_pages,
    ledger_page,
    lifecycle,
    mail_message,
    message_page,
    push_pages,
    queries,
    result_audience,
    schedule,
    services,
    sms_rules,
    targeting,
    timing_pages,
    variables,
)
from marketing.delivery.failed import failed_of
from marketing.delivery.funnel import step, steps
from marketing.delivery.models import SendOut
from marketing.delivery.targets import id_type_of
from marketing.delivery.views import SendOutMixin, kind_of

# Where an obstacle is mended: the point that one needs there, the page, which object, and the link's words.
_PLACES: dict[str, tuple[str, str, str, Any]] = {
    "params_open": ("marketing.custom.create", "delivery:parameters", "id", _("Parameters")),
    "provider_off": ("marketing.accounts.manage", "channels:detail", "provider_id", _("Channels")),
    "provider_failing": ("marketing.accounts.manage", "channels:detail", "provider_id", _("Channels")),
    "audience_empty": ("insight.audience.list", "audiences:detail", "audience_id", _("Audience")),
    "id_key_missing": ("admin.workspace", "organizations:id-key", "", _("Key of encrypted IDs")),
    "short_link_over": ("marketing.content.manage", "links:list", "", _("Short links")),
    "signature_not_approved": ("marketing.content.manage", "content:signatures", "", _("Signatures")),
    "template_expires": ("marketing.content.manage", "content:detail", "template_id", _("Template")),
    "template_not_approved": ("marketing.content.manage", "content:detail", "template_id", _("Template")),
}
# Numbers that are shown where there are any.
_ONLY_SOME = ("kept_back", "invalid", "spam")


class SendOutDetail(SendOutMixin, DetailPage):
    template_name = "marketing/delivery/detail.html"
    back_url_name = "delivery:list"
    back_label = _("Send-outs")
    _people: int | None = None

    def people(self, obj: SendOut) -> int:
        """How many people it goes to at most; asked for once per page."""
        if self._people is None:
            again = obj.resend_of
            self._people = failed_of(again).count() if again else targeting.people(obj)
        return self._people

    def facts(self, obj: SendOut) -> list[Fact]:
        people = self.people(obj)
        facts = [
            Fact(_("Channel"), kind_of(obj)),
            *_provider_facts(obj),
            Fact(_("Audiences"), ", ".join(row.name for row in targeting.included(obj)) or "–"),
            *_left_out(obj),
            Fact(_("People"), f"{people:,}", _("In the audiences as they were computed last")),
            Fact(_("Owner"), obj.owner),
            *self._frozen_from(obj),
            *timing_pages.facts(obj),
            *approval_pages.facts(obj),
        ]
        moments = [
            (_("Send at"), obj.scheduled_at),
            (_("Started"), obj.started_at),
            (_("Ended"), obj.finished_at),
        ]
        facts += [Fact(label, moment) for label, moment in moments if moment]
        if obj.resend_of is not None:
            facts.append(Fact(_("Once more to the failed of"), obj.resend_of.name))
        if obj.limit:
            facts.append(Fact(_("At most this many people"), f"{obj.limit:,}"))
        if obj.holdout:
            facts.append(Fact(_("Kept back for comparison"), f"{obj.holdout} %", obj.holdout_salt))
        if obj.channel == Provider.Channel.EMAIL:
            facts.append(Fact(_("Return path"), obj.get_return_path_display()))
            facts.append(Fact(_("Link to unsubscribe"), _("yes") if obj.unsubscribe_link else _("no")))
        if obj.per_minute:
            facts.append(Fact(_("Messages per minute"), f"{obj.per_minute:,}"))
        return facts

    def _frozen_from(self, obj: SendOut) -> list[Fact]:
        """The versions of its templates that are sent, whatever becomes of these."""
        rows = zip(obj.templates, contents.all_of(obj.content), strict=False)
        pinned = [(row, content[contents.VERSION]) for row, content in rows if contents.VERSION in content]
        if not pinned or obj.channel == Provider.Channel.CUSTOM:
            return []
        sees = self.access.can("marketing.content.manage")
        shown = []
        for row, number in pinned:
            name = gettext("%(name)s, version %(number)d") % {"name": row, "number": number}
            url = self.reverse("content:version", pk=row.pk, number=number)
            shown.append(format_html('<a href="{}">{}</a>', url, name) if sees and not row.removed else name)
        return [Fact(_("Template"), format_html_join("; ", "{}", ((item,) for item in shown)))]

    def extra(self, obj: SendOut) -> dict[str, Any]:
        can = self.access.can
        steers = obj.owner_id == self.access.user.pk or can(f"marketing.{obj.channel}.manage_others")
        found: dict[str, Any] = {
            "people": self.people(obj),
            "job": schedule.active_job(obj),
            "may_send": steers and can(f"marketing.{obj.channel}.send"),
            "may_copy": can(f"marketing.{obj.channel}.create") and not obj.origin,
            "may_edit": steers and can(f"marketing.{obj.channel}.create"),
            "editable": lifecycle.is_editable(obj),
            "startable": lifecycle.is_startable(obj),
            "pausable": obj.state in (SendOut.State.SENDING, SendOut.State.REPEATING)
            or obj.held_until is not None,
            "resumable": lifecycle.can_resume(obj) and not lifecycle.is_startable(obj),
            "live": obj.state in SendOut.LIVE,
            "deletable": lifecycle.is_deletable(obj),
            "resendable": copying.can_resend(obj),
            "may_keep": can("insight.audience.filter") and result_audience.is_offered(obj),
            "only_totals": obj.channel == Provider.Channel.PUSH and not obj.provider.config.get("receipts"),
            "test_example": push_pages.example(obj, id_type_of(obj)),
        }
        found["decides_late"] = found["may_send"] and obj.state == SendOut.State.LATE
        found |= approval_pages.shown(self.access, obj) | timing_pages.shown(obj)
        if found["startable"]:
            found |= self._start(obj)
        if not obj.resolved_at:
            found |= custom_pages.tests(obj)
            return {**found, **message_page.shown(obj, self.request.GET)}
        shown = ledger_page.table(self.access, obj, self.request.GET, may_settle=found["may_send"])
        return {**found, **self._effect(obj), **custom_pages.effect(obj), **shown}

    def _start(self, obj: SendOut) -> dict[str, Any]:
        """What the choice of the time shows: the time set before or typed just now, and what is in the way."""
        set_before = localtime(obj.scheduled_at).strftime("%Y-%m-%d %H:%M") if obj.scheduled_at else ""
        return {
            "step": 3,
            "steps_done": True,
            "at": self.request.GET.get("at", set_before),
            "obstacles": self._obstacles(obj),
            "warnings": [*sms_rules.warnings(obj), *mail_message.warnings(obj)],
        }

    def _obstacles(self, obj: SendOut) -> list[dict[str, Any]]:
        """Each with a link to the place where it can be mended, for those who may go there."""
        found = []
        holes = variables.unanswered(obj)
        if holes:
            url = self.reverse("delivery:variables", pk=obj.pk)
            found.append({"text": services.hole_message(holes), "url": url, "label": _("Variables")})
        for obstacle in services.obstacles(obj):
            point, name, key, label = _PLACES[obstacle.code]
            named = obstacle.extra.get(key.removesuffix("_id")) if key else None
            which = {"pk": named or getattr(obj, key)} if key else {}
            url = self.reverse(name, **which) if self.access.can(point) else ""
            found.append({"text": str(obstacle), "url": url, "label": label})
        return found

    def _effect(self, obj: SendOut) -> dict[str, Any]:
        numbers = queries.effect(obj)
        converted = conversion_page.shown(obj)
        if obj.channel == Provider.Channel.SMS:
            numbers["segments"] = channel_figures.of(obj)["segments"]
        opens_known = mail_message.opens_are_known(obj)
        shown = _of_channel(numbers, opens_known=opens_known)
        if "conversion_rows" in converted:
            shown["funnel"].append(
                step(gettext("Converted"), converted["conversion"]["target"]["converted"], numbers["target"])
            )
        return {
            **converted,
            "counted_at": parse_datetime(converted["conversion"].get("counted_at") or ""),
            "kept": obj.rows_deleted_at is None,
            "opens_known": opens_known,
            "effect": numbers,
            **shown,
            "reasons": queries.reasons(obj),
            "failures": queries.failures(obj),
            "links": queries.links(obj),
            "variants": _variants(queries.variants(obj)),
            "audiences": breakdown.of(obj),
            **course_page.shown(obj),
        }


def _of_channel(numbers: dict[str, Any], *, opens_known: bool) -> dict[str, Any]:
    """Tiles and funnel, of the figures that the channel has; a number that nobody knows is not shown as none."""
    for name, pages in (("push", push_pages), ("custom", custom_pages)):
        if name in numbers:
            return {"tiles": pages.tiles(numbers), "funnel": pages.funnel(numbers)}
    unknown = () if opens_known else ("opened", "clicked")
    return {"tiles": _tiles(numbers, unknown), "funnel": _funnel(numbers, unknown)}


def _provider_facts(obj: SendOut) -> list[Fact]:
    if obj.channel == Provider.Channel.CUSTOM:
        return custom_pages.facts(obj)
    return [Fact(_("Provider"), obj.provider.name), *_sender(obj), *_message_facts(obj)]


def _sender(obj: SendOut) -> list[Fact]:
    if obj.sender:
        return [Fact(_("Sender"), obj.sender)]
    return [Fact(_("Signature"), obj.signature)] if obj.signature else []


def _message_facts(obj: SendOut) -> list[Fact]:
    rows = list(obj.variants.select_related("template"))
    if not rows:
        return [Fact(_("Template"), obj.template.name, _carriers(obj))]
    return [
        Fact(gettext("Variant %(letter)s") % {"letter": row.letter}, row.template.name, f"{row.share} %")
        for row in rows
    ]


def _carriers(obj: SendOut) -> str:
    """Of a digital SMS, the carriers that have approved it."""
    return carriers_of(reviews.current(obj.template, obj.provider)) if obj.template.is_digital else ""


def _left_out(obj: SendOut) -> list[Fact]:
    names = [row.name for row in targeting.excluded(obj)]
    return [Fact(_("Without the members of"), ", ".join(names))] if names else []


def _variants(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The comparison as the page shows it: a table per measure, a row per variant."""
    if not found:
        return None
    labels = {
        ("delivered", "sent"): gettext("Delivered, of those sent"),
        ("opened", "delivered"): gettext("Opened, of those delivered"),
        ("opened", "sent"): gettext("Opened, of those sent"),
        ("clicked", "delivered"): gettext("Clicked, of those delivered"),
    }
    return {
        "people": [
            {key: row[key] for key in ("variant", "name", "share", "people", "sent")} for row in found
        ],
        "measures": [
            {
                "label": labels[name, base],
                "rows": [
                    {
                        "variant": row["variant"],
                        "rate": row["rates"][name],
                        "difference": row["differences"].get(name),
                        "verdict": _verdict(row["differences"].get(name)),
                    }
                    for row in found
                ],
            }
            for name, base in found[0]["of"].items()
        ],
    }


def _verdict(difference: dict[str, Any] | None) -> str:
    """In words, whether the difference from the first variant can be chance."""
    if difference is None:
        return ""
    if difference["few"]:
        return gettext("Too few people to say")
    if not difference["significant"]:
        return gettext("May be chance")
    return gettext("Better than A") if difference["points"] > 0 else gettext("Worse than A")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.1f} %"


def _tiles(numbers: dict[str, Any], unknown: Sequence[str]) -> list[dict[str, Any]]:
    rates = numbers["rates"]
    labels = [
        ("target", gettext("Audience")),
        ("left_out", gettext("Left out")),
        ("kept_back", gettext("Kept back")),
        ("sent", gettext("Sent")),
        ("delivered", gettext("Delivered")),
        ("failed", gettext("Failed")),
        ("invalid", gettext("Address does not exist")),
        ("spam", gettext("Marked as spam")),
        ("unknown", gettext("Unknown")),
        ("opened", gettext("Opened")),
        ("clicked", gettext("Clicked")),
        ("unsubscribed", gettext("Unsubscribed")),
    ]
    tiles = [
        {"label": label, "value": "–", "hint": gettext("not counted for this send-out")}
        if name in unknown
        else {"label": label, "value": f"{numbers[name]:,}", "hint": _share(rates.get(name))}
        for name, label in labels
        if name not in _ONLY_SOME or numbers[name]
    ]
    if "segments" in numbers:
        billed = [("sent", gettext("SMS sent")), ("delivered", gettext("SMS delivered"))]
        hint = gettext("as billed: long texts are several")
        tiles += [
            {"label": label, "value": f"{numbers['segments'][name]:,}", "hint": hint}
            for name, label in billed
        ]
    return tiles


def _funnel(numbers: dict[str, Any], unknown: Sequence[str]) -> list[dict[str, Any]]:
    """Steps from the audience to the click, each as a share of the audience."""
    names = [
        (gettext("Audience"), "target"),
        (gettext("Sent"), "sent"),
        (gettext("Delivered"), "delivered"),
        (gettext("Opened"), "opened"),
        (gettext("Clicked"), "clicked"),
    ]
    known = [(label, numbers[name]) for label, name in names if name not in unknown]
    return steps(known, numbers["target"])
