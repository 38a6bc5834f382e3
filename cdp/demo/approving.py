"""A send-out of a colleague that waits for the first user's approval."""

from __future__ import annotations

from admin_center.members.models import User
from admin_center.organizations.settings import update_settings
from cdp.core.access import Access
from cdp.core.membership import access_for
from cdp.demo import audiences as rules
from cdp.demo.steps import one
from insight.audiences import queries
from insight.audiences.models import Audience
from marketing.channels.models import SenderAddress
from marketing.content.models import Template
from marketing.delivery import services as delivery
from marketing.delivery.models import SendOut

NAME = "女装新品预告邮件"
FEWEST = 300
"""Send-outs to more people wait, or to more than half of a smaller audience."""


def load(access: Access, audience: Audience) -> None:
    """Large send-outs of the workspace need a second person; the analyst has submitted one."""
    colleague = User.objects.filter(username="analyst", organization=access.workspace.organization).first()
    above = min(FEWEST, audience.count // 2)
    if colleague is None or not above:
        return
    theirs = access_for(colleague, access.workspace)
    if not queries.usable_audiences(theirs, "email").filter(pk=audience.pk).exists():
        return
    update_settings(access.workspace, {"approval": {"enabled": True, "above": above}}, access=access)
    template = Template.objects.in_workspace(access.workspace).get(name=rules.BIRTHDAY_LETTER["name"])
    sender = SenderAddress.objects.in_workspace(access.workspace).select_related("provider").first()
    if sender is None:
        return
    values = {
        "name": NAME,
        "provider": sender.provider,
        "sender": sender,
        "template": template,
        "audience": audience,
        "variables": {name: {"missing": "replace", "value": "您"} for name in template.variables},
    }
    send_out: SendOut = one(SendOut, access, lambda: delivery.create(theirs, "email", values), name=NAME)
    if send_out.state == SendOut.State.DRAFT:
        delivery.submit(theirs, send_out)
