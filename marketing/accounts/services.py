"""Use cases of accounts: authorise, authorise again, check, make channels of their apps, remove."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.permissions.looking_after import administrators_of, tell
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.registry import Registry
from marketing.accounts.models import Account, AccountApp
from marketing.accounts.types import AccountType, Authorised, all_types, find, type_of
from marketing.channels import health
from marketing.channels import services as channels
from marketing.channels.base import ProviderError
from marketing.channels.models import Provider

log = logging.getLogger(__name__)
MANAGE = "marketing.accounts.manage"
WARNED_BEFORE = timedelta(days=7)
waiting_by: Registry[Any] = Registry("what waits for a provider")
"""Functions (provider -> names of what will leave by it), registered by higher layers."""


def known_type(key: str) -> AccountType:
    """Raises ValidationFailed where there is no such platform."""
    kind = find(key)
    if kind is None:
        message = _("There is no such platform.")
        raise ValidationFailed(message, errors={"type": [message]})
    return kind


def point_of(access: Access) -> str:
    """The right by which the person may see accounts: to look after them, or to ask for one; else the former."""
    points = [MANAGE, *(kind.ask_point for kind in all_types())]
    return next((point for point in points if access.can(point)), MANAGE)


def askable(access: Access) -> list[AccountType]:
    """The platforms whose accounts the person may authorise or ask for."""
    return [kind for kind in all_types() if access.can(MANAGE) or access.can(kind.ask_point)]


def read_config(
    kind: AccountType, given: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Checked values of a form. Secrets that are not given, or given as dots, are those of `old`."""
    errors: dict[str, list[str]] = {}
    config = channels.read_config(kind.fields, dict(old or {}), given, errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return config


def check_name(name: Any) -> str:
    text = str(name or "").strip()
    if not 1 <= len(text) <= 64:
        message = _("Give a name of 1 to 64 characters.")
        raise ValidationFailed(message, errors={"name": [message]})
    return text


def authorise(access: Access, type_key: str, name: Any, given: Mapping[str, Any]) -> Account:
    """A new account, once its platform lets us in. Raises ValidationFailed, ProviderError."""
    access.require(MANAGE)
    kind = known_type(type_key)
    if kind.always_asked:
        raise Conflict(_("Accounts of this platform are asked for, and approved by somebody else."))
    return bind(access, kind, check_name(name), read_config(kind, given), access.user)


def bind(
    access: Access,
    kind: AccountType,
    name: str,
    config: dict[str, Any],
    person: Any,
    account: Account | None = None,
) -> Account:
    """Ask the platform and keep what it tells, as a new account or as the news of one that there is.

    Raises ProviderError, and ValidationFailed where it is another account, or is there already.
    """
    found = kind.authorise(config)
    if account is not None and account.remote_id != found.remote_id:
        message = _("These are the keys of another account.")
        raise ValidationFailed(message, errors={"config": [message]})
    row = account or Account(workspace=access.workspace, type=kind.key, remote_id=found.remote_id, name=name)
    row.config, row.bound_by, row.authorised_at = config, person, timezone.now()
    _take(row, found)
    row.bump()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        path = "name" if "account_name_unique" in str(error) else "config"
        message = (
            _("There is an account of this name.") if path == "name" else _("The account is there already.")
        )
        raise ValidationFailed(message, errors={path: [message]}) from None
    audit.record(
        access,
        "account.authorised_again" if account else "account.authorised",
        row,
        after={"name": row.name, "type": row.type, "account": row.remote_id},
    )
    _test_channels(row)
    return row


def authorise_again(access: Access, account: Account, given: Mapping[str, Any]) -> Account:
    """The same as the first time, with keys that are kept where none are given."""
    access.require(MANAGE)
    kind = type_of(account.type)
    if kind.always_asked:
        raise Conflict(_("Accounts of this platform are asked for, and approved by somebody else."))
    return bind(access, kind, account.name, read_config(kind, given, account.config), access.user, account)


def check(account: Account) -> bool:
    """Ask the platform again; whether it still lets us in. One that cannot be reached keeps its state."""
    known = account.state
    try:
        _take(account, type_of(account.type).authorise(account.config))
    except ProviderError as error:
        account.checked_at = timezone.now()
        if error.denied:
            account.state, account.error = Account.State.ERROR, str(error)[:500]
            account.error_since = account.error_since or account.checked_at
    account.save()
    if account.state != known:
        _test_channels(account)
        if account.state == Account.State.ERROR:
            _tell(
                account, gettext_lazy("The account “%(account)s” does not let us in any more"), account.error
            )
    return account.state == Account.State.AUTHORISED


def check_now(access: Access, account: Account) -> bool:
    """The same for a person who asks."""
    access.require(MANAGE)
    found = check(account)
    audit.record(access, "account.checked", account, after={"ok": found})
    return found


def check_all() -> int:
    """Check every account and warn of ends that are near; answers how many do not let us in."""
    failing = 0
    for account in Account.objects.select_related("workspace__organization", "bound_by"):
        try:
            failing += not check(account)
            _warn(account)
        except Exception:
            log.exception("The account %s could not be checked.", account.pk)
    return failing


def add_app(access: Access, account: Account, values: Mapping[str, Any]) -> Provider:
    """A push channel that writes to an app of the account (`app`: its key), whose key is filled in.

    `config`: the other settings of the channel, such as its master secret.
    """
    access.require(MANAGE)
    if account.state != Account.State.AUTHORISED:
        raise Conflict(_("The account does not let us in. Authorise it again first."), code="account_error")
    app = next((row for row in account.apps if row["key"] == values.get("app")), None)
    if app is None:
        message = _("The account has no such app.")
        raise ValidationFailed(message, errors={"app": [message]})
    config = {**dict(values.get("config") or {}), "app_key": app["key"]}
    whole = {
        "channel": Provider.Channel.PUSH,
        "type": app["provider_type"],
        "name": str(values.get("name") or app["name"]),
        "config": config,
    }
    with transaction.atomic():
        provider = channels.create_provider(access, whole)
        AccountApp.objects.create(
            workspace=account.workspace, provider=provider, account=account, account_name=account.name
        )
        audit.record(access, "account.app_added", account, after={"provider": provider.pk, "app": app["key"]})
    return provider


def waiting(account: Account) -> list[str]:
    """Names of what waits for the account, and fails without it."""
    rows = [row.provider for row in account.channels.select_related("provider")]
    return [name for provider in rows for finder in waiting_by for name in finder(provider)]


@transaction.atomic
def delete(access: Access, account: Account) -> None:
    """Give the authorisation up. Channels and all that was sent by them stay; nothing new leaves by them."""
    access.require(MANAGE)
    account = Account.objects.select_for_update().get(pk=account.pk)
    rows = [row.provider for row in account.channels.select_related("provider")]
    audit.record(access, "account.deleted", account, before={"name": account.name, "type": account.type})
    account.delete()
    for provider in rows:
        health.check(provider)


def _take(account: Account, found: Authorised) -> None:
    account.apps = [
        {"key": app.key, "name": app.name, "provider_type": app.provider_type} for app in found.apps
    ]
    account.meta, account.expires_at = found.meta, found.expires_at
    account.state, account.error, account.error_since = Account.State.AUTHORISED, "", None
    account.checked_at = timezone.now()


def _test_channels(account: Account) -> None:
    for row in account.channels.select_related("provider__workspace"):
        health.check(row.provider)


def _warn(account: Account) -> None:
    """Once for each end that comes within a week."""
    end = account.expires_at
    if end is None or end == account.warned_of or end > timezone.now() + WARNED_BEFORE:
        return
    text = _("Authorise it again before %(end)s.") % {"end": end.strftime("%Y-%m-%d %H:%M UTC")}
    _tell(account, gettext_lazy("The authorisation of “%(account)s” ends soon"), text)
    account.warned_of = end
    account.save(update_fields=["warned_of"])


def _tell(account: Account, title: Any, text: str) -> None:
    people = {person.pk: person for person in administrators_of(account.workspace)}
    if account.bound_by is not None and account.bound_by.is_active:
        people[account.bound_by.pk] = account.bound_by
    url = reverse("accounts:detail", args=[account.workspace.slug, account.pk])
    tell(
        people.values(),
        title,
        {"account": account},
        text=text,
        url=url,
        level="error",
        workspace=account.workspace,
    )
