"""Issuing, finding and revoking API tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.members.models import ApiToken, User
from admin_center.organizations.models import Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed

PREFIX = "tdl_"
MAX_DAYS = 3650
USED_EVERY = timedelta(minutes=1)


def digest(token: str) -> str:
    """What is kept of a token. Its 256 random bits need no salt or slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(
    user: User,
    workspace: Workspace,
    *,
    name: str,
    days: int = 90,
    scopes: Iterable[str] = (),
    access: Access | None = None,
) -> tuple[ApiToken, str]:
    """Make a token that acts for `user` in `workspace`; returns its row and the token itself, which is not kept.

    `scopes` are permission points, or beginnings of them ("insight"), that the token may use; none means all that the
    person may do. Raises ValidationFailed for an empty name or a lifetime outside 1 to 3650 days.
    """
    if not name.strip():
        raise ValidationFailed(_("Give the token a name."), errors={"name": [_("Give the token a name.")]})
    if not 1 <= days <= MAX_DAYS:
        message = _("A token lives between 1 and %(max)d days.") % {"max": MAX_DAYS}
        raise ValidationFailed(message, errors={"days": [message]})
    secret = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        workspace=workspace,
        user=user,
        name=name.strip()[:64],
        digest=digest(secret),
        hint=secret[-4:],
        scopes=sorted(set(scopes)),
        expires_at=timezone.now() + timedelta(days=days),
    )
    after = {"name": row.name, "scopes": row.scopes, "expires_at": row.expires_at.isoformat()}
    audit.record(access, "token.created", row, after=after, workspace=workspace)
    return row, secret


def find_token(secret: str) -> ApiToken | None:
    """The token's row with its person and workspace, whatever its state; None for an unknown one."""
    return (
        ApiToken.objects.select_related("user", "workspace__organization", "user__organization")
        .filter(digest=digest(secret))
        .first()
    )


def revoke_token(token: ApiToken, access: Access | None = None) -> None:
    """Make the token useless at once. Revoking it again changes nothing."""
    if token.revoked_at is not None:
        return
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    audit.record(access, "token.revoked", token, workspace=token.workspace)


def note_use(token: ApiToken, now: datetime | None = None) -> None:
    """Keep when the token was last used, to the minute: a busy client must not cost a write per request."""
    now = now or timezone.now()
    if token.last_used_at and now - token.last_used_at < USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    token.last_used_at = now
