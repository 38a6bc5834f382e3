"""A colleague who asks for the retailer's push account to be authorised again, which the first user may approve."""

from __future__ import annotations

from typing import Any

from admin_center.members.models import User
from cdp.core.access import Access
from cdp.core.membership import access_for
from marketing.accounts import requests
from marketing.accounts.models import Account, AccountRequest


def load(access: Access, account: Account, keys: dict[str, Any]) -> None:
    """The request, unless somebody has asked already."""
    colleague = User.objects.filter(username="analyst", organization=access.workspace.organization).first()
    asked = AccountRequest.objects.in_workspace(access.workspace).exists()
    if colleague is not None and not asked:
        theirs = access_for(colleague, access.workspace)
        requests.ask(theirs, account.type, account.name, keys, account)
