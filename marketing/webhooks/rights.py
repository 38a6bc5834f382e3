"""Who may send through which webhook: administrators through all, others with the channel's right and a grant."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from admin_center.permissions import grantees
from cdp.core.access import Access
from cdp.core.errors import PermissionDenied
from marketing.webhooks.models import Webhook, WebhookGrant

MANAGE, CREATE = "marketing.webhooks.manage", "marketing.custom.create"
_CHANNEL = (CREATE, "marketing.custom.send")


def usable(access: Access) -> QuerySet[Webhook]:
    """The webhooks that the person may send through."""
    rows: QuerySet[Webhook] = Webhook.objects.in_workspace(access.workspace).select_related("provider")
    if access.is_admin:
        return rows
    if not any(access.can(point) for point in _CHANNEL):
        return rows.none()
    granted = WebhookGrant.objects.in_workspace(access.workspace).filter(grantees.of_person(access.user))
    return rows.filter(pk__in=granted.values("webhook"))


def visible(access: Access) -> QuerySet[Webhook]:
    """Those that the person may send through; all for those who set them up."""
    if access.can(MANAGE):
        return Webhook.objects.in_workspace(access.workspace).select_related("provider")
    return usable(access)


def may_use(access: Access, webhook: Webhook) -> bool:
    return usable(access).filter(pk=webhook.pk).exists()


def check_use(access: Access, webhook: Webhook) -> None:
    """Raises PermissionDenied for people without a grant that holds now."""
    if not may_use(access, webhook):
        raise PermissionDenied(
            _("You have no grant for the webhook “%(name)s”, or it has ended.") % {"name": webhook.name}
        )
