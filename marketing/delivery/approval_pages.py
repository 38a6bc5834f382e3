"""Pages on which send-outs are approved or refused, and on which late ones are decided."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import Fact
from cdp.core.access import Access
from marketing.delivery import approval, late_decision, sealing
from marketing.delivery.list_page import SendOutList
from marketing.delivery.models import Approval, SendOut
from marketing.delivery.views import SendOutAction


class Approvals(SendOutList):
    title = _("Waiting for your approval")
    intro = _("Send-outs that leave once you have approved them. Your own need somebody else.")
    empty_icon = "checks"
    empty_title = _("Nothing waits for you")
    empty_text = _("Send-outs of others that need a second person appear here.")

    def get_queryset(self) -> QuerySet[SendOut]:
        return super().get_queryset().filter(pk__in=approval.waiting_for(self.access).values("pk"))


class Approve(SendOutAction):
    """`seal` is what the person has seen; the service refuses where it is another by now."""

    verb = "view"
    success_message = _("Approved.")

    def act(self, obj: SendOut) -> SendOut:
        given = self.request.POST
        return approval.approve(self.access, obj, seal=given.get("seal", ""), remark=given.get("remark", ""))


class Refuse(SendOutAction):
    verb = "view"
    success_message = _("Refused. Its owner has been told why.")

    def act(self, obj: SendOut) -> SendOut:
        return approval.refuse(self.access, obj, remark=self.request.POST.get("remark", ""))


class DecideLate(SendOutAction):
    """`do` is send or skip."""

    def act(self, obj: SendOut) -> SendOut:
        return late_decision.decide(self.access, obj, send=self.request.POST.get("do") == "send")

    def message(self, obj: SendOut, result: SendOut) -> Any:
        return _("Sending has started.") if result.state == SendOut.State.SENDING else _("Skipped.")


def shown(access: Access, send_out: SendOut) -> dict[str, Any]:
    """What a send-out's page says of its approval: who asked, what was sealed, who decided, and what has changed."""
    found = approval.latest(send_out)
    if found is None:
        return {}
    waits = send_out.state == SendOut.State.APPROVAL and found.state == Approval.State.WAITING
    changes = sealing.causes(send_out, found.seal, sealing.now(send_out, found.seal)) if waits else []
    return {
        "approval": found,
        "approval_waits": waits,
        "approval_people": found.seal["people"],
        "approval_token": sealing.token(found.seal),
        "approval_changes": changes,
        "may_decide": waits and approval.may_decide(access, send_out),
    }


def facts(send_out: SendOut) -> list[Fact]:
    """Who approved it."""
    found = approval.in_force(send_out)
    if found is None or found.state != Approval.State.APPROVED:
        return []
    return [Fact(_("Approved by"), found.decided_by, found.remark)]
