"""Use cases of short links and of the domains that they may lead to."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.links import codes, targets, usage
from marketing.links.models import LinkDomain, ShortLink

DAYS = (1, 7, 30)
"""How long a link can be good for."""
MOST_PEOPLE = 10_000
TRIES = 5


def may_change(access: Access, link: ShortLink) -> bool:
    """Owners and administrators may."""
    return access.is_admin or link.owner_id == access.user.pk


def require_owner(access: Access, link: ShortLink) -> None:
    if not may_change(access, link):
        raise PermissionDenied(_("Only the owner and administrators may do this."))


def create(access: Access, *, name: str, target: str, days: int, forward_query: bool = False) -> ShortLink:
    """A link that is good for `days` (1, 7 or 30) from now. Raises ValidationFailed."""
    link = ShortLink(
        workspace=access.workspace,
        owner=access.user,
        name=_name(name),
        target=targets.check(access.workspace, target),
        forward_query=forward_query,
        expires_at=timezone.now() + _lifetime(days),
    )
    with transaction.atomic():
        _save_with_new_code(link)
        after = {"name": link.name, "target": link.target, "code": link.code, "days": days}
        audit.record(access, "short_link.created", link, after=after)
    return link


def _save_with_new_code(link: ShortLink) -> None:
    """The database decides whether a code is free, so that two links made at once never share one."""
    for attempt in range(1, TRIES + 1):
        link.code = codes.new_code()
        try:
            with transaction.atomic():
                link.save(force_insert=True)
                return
        except IntegrityError as error:
            if attempt == TRIES or "code" not in str(error):
                raise


def _name(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= 64:
        message = _("Give a name of 1 to 64 characters.")
        raise ValidationFailed(message, errors={"name": [message]})
    return text


def _lifetime(days: int) -> timedelta:
    if days not in DAYS:
        message = _("A short link is good for 1, 7 or 30 days.")
        raise ValidationFailed(message, errors={"days": [message]})
    return timedelta(days=days)


def rename(access: Access, link: ShortLink, name: str) -> ShortLink:
    require_owner(access, link)
    before, link.name = link.name, _name(name)
    with transaction.atomic():
        link.save(update_fields=["name", "updated_at"])
        audit.record(access, "short_link.renamed", link, before={"name": before}, after={"name": link.name})
    return link


def extend(access: Access, link: ShortLink, days: int) -> ShortLink:
    """Good for `days` from now, also where it had ended or was stopped. Its domain must still be registered."""
    require_owner(access, link)
    lifetime = _lifetime(days)
    targets.check(access.workspace, link.target)
    link.expires_at, link.stopped_at = timezone.now() + lifetime, None
    with transaction.atomic():
        link.save(update_fields=["expires_at", "stopped_at", "updated_at"])
        audit.record(access, "short_link.extended", link, after={"days": days})
    return link


def stop(access: Access, link: ShortLink) -> ShortLink:
    """It leads nowhere from now on, until it is extended."""
    require_owner(access, link)
    if link.state != ShortLink.State.ACTIVE:
        raise Conflict(_("The short link has ended already."), code="short_link_over")
    link.stopped_at = timezone.now()
    with transaction.atomic():
        link.save(update_fields=["stopped_at", "updated_at"])
        audit.record(access, "short_link.stopped", link)
    return link


def delete(access: Access, link: ShortLink) -> None:
    """Remove it with its clicks. Its code stays taken, and what waits to be sent with it keeps it."""
    require_owner(access, link)
    if usage.users(link):
        raise Conflict(_("Send-outs that wait or are under way use this short link."), code="in_use")
    with transaction.atomic():
        link.deleted_at = timezone.now()
        link.save(update_fields=["deleted_at", "updated_at"])
        link.clicks.all().delete()
        audit.record(access, "short_link.deleted", link, before={"name": link.name, "target": link.target})


def person_links(access: Access, link: ShortLink, mobiles: list[str]) -> list[dict[str, str | None]]:
    """An address for each mobile number that tells who follows it; None where the number is not valid."""
    require_owner(access, link)
    if not 1 <= len(mobiles) <= MOST_PEOPLE:
        message = _("Give 1 to 10,000 mobile numbers.")
        raise ValidationFailed(message, errors={"mobiles": [message]})
    audit.record(access, "short_link.addressed", link, detail={"people": len(mobiles)})
    return [{"mobile": mobile, "url": link.url_for(mobile)} for mobile in mobiles]


def _require_admin(access: Access) -> None:
    if not access.is_admin:
        raise PermissionDenied(_("Only administrators decide where short links may lead."))


def add_domain(access: Access, name: str) -> LinkDomain:
    """Let short links lead to a domain. Raises ValidationFailed."""
    _require_admin(access)
    name = targets.check_domain(name)
    try:
        with transaction.atomic():
            domain = LinkDomain.objects.create(workspace=access.workspace, name=name)
            audit.record(access, "link_domain.created", domain, after={"name": name})
    except IntegrityError:
        message = _("The domain is registered already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
    return domain


def delete_domain(access: Access, domain: LinkDomain) -> None:
    """Links that are active keep their domain."""
    _require_admin(access)
    active = ShortLink.objects.in_workspace(access.workspace).filter(
        deleted_at=None, stopped_at=None, expires_at__gt=timezone.now()
    )
    if any(targets.leads_to(link.target, domain.name) for link in active):
        raise Conflict(_("Active short links lead to this domain. Stop them first."), code="in_use")
    with transaction.atomic():
        audit.record(access, "link_domain.deleted", domain, before={"name": domain.name})
        domain.delete()
