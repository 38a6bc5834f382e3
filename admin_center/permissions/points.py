"""Permission points: the named rights that views, API routes and roles speak of."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from cdp.core.registry import Registry


@dataclass(frozen=True)
class Point:
    """`everyone`: held by every member of the workspace, whatever their roles.

    `module`: the one that it belongs to, if that can be switched off; nobody holds the point then.
    """

    code: str
    group: Any
    label: Any
    everyone: bool = False
    module: str = ""


POINTS: Registry[Point] = Registry("permission point")


def register(group: Any, points: dict[str, Any], *, everyone: bool = False, module: str = "") -> None:
    """Add permission points (code -> label) under a heading. Modules with points of their own call it when loaded."""
    for code, label in points.items():
        POINTS.add(code, Point(code, group, label, everyone, module))


register(
    _("Workspace"),
    {"workspace.view": _("Enter the workspace, see the home page and one's own messages")},
    everyone=True,
)
register(
    _("User insight"),
    {
        "insight.datasource.view": _("See data sources and their tables"),
        "insight.datasource.manage": _("Add, upload, change and delete data sources and tables"),
        "insight.dataset.view": _("See datasets"),
        "insight.dataset.create": _("Create datasets and manage one's own"),
        "insight.dataset.manage": _("Manage everybody's datasets"),
        "insight.oneid.view": _("See how people are recognised by their IDs"),
        "insight.oneid.manage": _("Set up identities, join people and tell them apart"),
        "insight.oneid.person": _("Look up a person by an ID"),
        "insight.analysis": _("Analyse users"),
        "insight.audience.filter": _("Select audiences by rules"),
        "insight.audience.list": _("See the audience list, manage one's own audiences"),
        "insight.audience.manage": _("Manage everybody's audiences"),
        "insight.audience.download": _("Download public audiences"),
        "insight.audience.analysis": _("Analyse audiences"),
        "insight.push": _("Push audiences to systems that one has a grant for"),
        "insight.push.manage": _("Set up systems that audiences are pushed to"),
        "insight.tag.manage": _("Manage all tags of the workspace"),
        "insight.tag.custom": _("Create custom tags"),
    },
)
register(
    _("Campaigns"),
    {
        "campaign.create": _("Create campaigns and manage one's own"),
        "campaign.manage": _("See campaigns, and work with those one has a grant for"),
    },
)
register(_("Omni-domain insight"), {"omni": _("Use omni-domain insight")}, module="omni_insight")
register(
    _("Direct marketing"),
    {
        "marketing.sms.view": _("SMS: see send-outs and their effect"),
        "marketing.sms.create": _("SMS: create and change send-outs"),
        "marketing.sms.send": _("SMS: send"),
        "marketing.sms.manage_others": _("SMS: manage everybody's send-outs"),
        "marketing.email.view": _("E-mail: see send-outs and their effect"),
        "marketing.email.create": _("E-mail: create and change send-outs"),
        "marketing.email.send": _("E-mail: send"),
        "marketing.email.manage_others": _("E-mail: manage everybody's send-outs"),
        "marketing.push.view": _("Push messages: see send-outs and their effect"),
        "marketing.push.create": _("Push messages: create and change send-outs"),
        "marketing.push.send": _("Push messages: send"),
        "marketing.push.manage_others": _("Push messages: manage everybody's send-outs"),
        "marketing.approve": _("Approve other people's send-outs"),
        "marketing.private.wechat": _("WeChat messages"),
        "marketing.private.weibo": _("Weibo messages"),
        "marketing.private.douyin": _("Douyin messages"),
        "marketing.custom.view": _("Custom channel: see send-outs and their effect"),
        "marketing.custom.create": _("Custom channel: create and change send-outs"),
        "marketing.custom.send": _("Custom channel: send through webhooks that one has a grant for"),
        "marketing.custom.manage_others": _("Custom channel: manage everybody's send-outs"),
        "marketing.webhooks.manage": _("Set up webhooks and grant their use"),
        "marketing.content.manage": _("Templates, signatures and other content"),
        "marketing.accounts.manage": _("Channel accounts, senders and do-not-contact lists"),
        "marketing.recipients.unmask": _("See recipients' addresses in full"),
        "marketing.calls.view": _("See the log of calls to message platforms"),
    },
)
register(
    _("Advertising"),
    {
        "marketing.ads.databank": _("Push audiences to Databank"),
        "marketing.ads.dmp": _("Push audiences to DMP"),
        "marketing.ads.tencent": _("Push audiences to Tencent ads"),
        "marketing.ads.oceanengine": _("Push audiences to Ocean Engine"),
    },
)
register(
    _("Automation"),
    {
        "marketing.journey": _("Journeys"),
        "marketing.event.manage": _("Create and manage events"),
    },
)
register(
    _("Algorithm lab"),
    {
        "lab.repurchase.models": _("Repurchase prediction: see models"),
        "lab.repurchase.create": _("Repurchase prediction: create models"),
        "lab.repurchase.predict": _("Repurchase prediction: predict"),
        "lab.recommend.models": _("Product recommendation: see models"),
        "lab.recommend.create": _("Product recommendation: create models"),
        "lab.recommend.recommend": _("Product recommendation: make item pools, recommend"),
    },
)
register(
    _("Customers and shops"),
    {
        "social.customer": _("Social interaction: customers"),
        "social.account": _("Social interaction: accounts"),
        "member": _("Member centre"),
        "clienteling": _("Clienteling"),
        "retail": _("Smart retail"),
        "media": _("Media buying"),
        "media_return.analyst": _("Media return"),
    },
)
register(
    _("Dashboards"),
    {
        "dashboard.view": _("See dashboards"),
        "dashboard.menu": _("Build the dashboard menu and embed reports"),
    },
)
register(_("Work"), {"jobs.view": _("See the workspace's jobs, stop and repeat one's own")})
register(
    _("Administration"),
    {
        "admin.workspace": _("Manage members, roles and settings of the workspace"),
        "admin.audit": _("Read and export the audit log"),
        "privacy.unmask": _("See IDs in full, on screen and in downloads"),
    },
)


def points_by_group(
    held: set[str] | None, off: Container[str] = ()
) -> list[tuple[Any, list[tuple[Point, bool]]]]:
    """Points under their headings, each with whether it is among `held`; None holds all.

    Those of modules that are `off` are left out.
    """
    groups: dict[str, tuple[Any, list[tuple[Point, bool]]]] = {}
    for point in POINTS:
        if point.module in off:
            continue
        _label, rows = groups.setdefault(str(point.group), (point.group, []))
        rows.append((point, held is None or point.everyone or point.code in held))
    return list(groups.values())
