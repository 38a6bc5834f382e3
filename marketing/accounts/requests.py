"""Asking for an account: whoever looks after accounts approves it, refuses it, or hears that the platform says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.permissions.looking_after import administrators_of, tell
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied
from marketing.accounts import services
from marketing.accounts.models import Account, AccountRequest
from marketing.accounts.types import type_of
from marketing.channels.base import ProviderError

_STATES = AccountRequest.State


def ask(
    access: Access, type_key: str, name: Any, given: Mapping[str, Any], account: Account | None = None
) -> AccountRequest:
    """Ask for an account, or for a new authorisation of `account`. Those who look after accounts are told."""
    kind = services.known_type(type_key)
    if not access.can(services.MANAGE):
        access.require(kind.ask_point)
    row = AccountRequest(
        workspace=access.workspace,
        type=kind.key,
        name=account.name if account else services.check_name(name),
        config=services.read_config(kind, given),
        account=account,
        requested_by=access.user,
    )
    with transaction.atomic():
        row.save()
        audit.record(access, "account.asked", row, after={"name": row.name, "type": row.type})
    others = administrators_of(access.workspace).exclude(pk=access.user.pk)
    _tell(row, others, gettext_lazy("An account is asked for: %(account)s"), "", "info")
    return row


def visible(access: Access) -> QuerySet[AccountRequest]:
    """One's own; all for those who look after accounts."""
    rows = AccountRequest.objects.in_workspace(access.workspace).select_related(
        "requested_by", "decided_by", "account"
    )
    return rows if access.can(services.MANAGE) else rows.filter(requested_by=access.user)


def waiting_for(access: Access) -> QuerySet[AccountRequest]:
    """Those that the person may decide."""
    if not access.can(services.MANAGE):
        return AccountRequest.objects.none()
    return visible(access).filter(state=_STATES.WAITING).exclude(requested_by=access.user)


def may_decide(access: Access, row: AccountRequest) -> bool:
    return access.can(services.MANAGE) and row.requested_by_id != access.user.pk


def approve(access: Access, row: AccountRequest, remark: str = "") -> Account:
    """Authorise the account. Where its platform says no, the request goes back with the reason.

    Raises Conflict (account_returned) then, and Conflict where it is decided already.
    """
    kind = type_of(row.type)
    with transaction.atomic():
        row = _opened(access, row)
        try:
            account = services.bind(access, kind, row.name, row.config, row.requested_by, account=row.account)
        except ProviderError as error:
            if not error.denied:
                raise
            said = str(error)
        else:
            row.account = account
            _decide(access, row, _STATES.APPROVED, remark)
            return account
    with transaction.atomic():
        _decide(access, _opened(access, row), _STATES.RETURNED, said)
    raise Conflict(
        _("The platform does not let us in, so the request went back: %(error)s") % {"error": said},
        code="account_returned",
    )


@transaction.atomic
def refuse(access: Access, row: AccountRequest, remark: str = "") -> AccountRequest:
    """Say no; who asked is told why."""
    row = _opened(access, row)
    _decide(access, row, _STATES.REFUSED, remark)
    return row


@transaction.atomic
def withdraw(access: Access, row: AccountRequest) -> AccountRequest:
    """Take one's own request back, as long as nobody has decided."""
    row = _locked(row)
    if row.requested_by_id != access.user.pk:
        raise PermissionDenied(_("Only who asked may take a request back."))
    row.state, row.config, row.decided_at = _STATES.WITHDRAWN, None, timezone.now()
    row.save()
    audit.record(access, "account.request_withdrawn", row, before={"name": row.name})
    return row


def _locked(row: AccountRequest) -> AccountRequest:
    row = (
        AccountRequest.objects.select_for_update(of=("self",))
        .select_related("workspace", "requested_by", "account")
        .get(pk=row.pk)
    )
    if row.state != _STATES.WAITING:
        raise Conflict(
            _("The request is decided already: %(state)s.") % {"state": row.get_state_display()},
            code="account_decided",
        )
    return row


def _opened(access: Access, row: AccountRequest) -> AccountRequest:
    access.require(services.MANAGE)
    row = _locked(row)
    if not may_decide(access, row):
        raise PermissionDenied(_("Somebody else decides about your own request."))
    return row


def _decide(access: Access, row: AccountRequest, state: str, remark: str) -> None:
    """What was typed is forgotten; an account that came of it keeps its own."""
    row.state, row.remark, row.config = state, remark.strip()[:500], None
    row.decided_by, row.decided_at = access.user, timezone.now()
    row.save()
    audit.record(access, f"account.request_{state}", row, after={"name": row.name, "remark": row.remark})
    titles = {
        _STATES.APPROVED: gettext_lazy("Your account was approved: %(account)s"),
        _STATES.REFUSED: gettext_lazy("Your account was refused: %(account)s"),
        _STATES.RETURNED: gettext_lazy("Your account needs other keys: %(account)s"),
    }
    if row.requested_by is not None and row.requested_by.is_active:
        level = "success" if state == _STATES.APPROVED else "error"
        _tell(row, [row.requested_by], titles[_STATES(state)], row.remark, level)


def _tell(row: AccountRequest, people: Any, title: Any, text: str, level: str) -> None:
    url = reverse("accounts:request", args=[row.workspace.slug, row.pk])
    tell(people, title, {"account": row}, text=text, url=url, level=level, workspace=row.workspace)
