"""Sender addresses: added by hand, or fetched from platforms, which also say which of them are frozen."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ActionNotSupported, Conflict, ValidationFailed
from marketing.channels.base import ProviderError, provider_type
from marketing.channels.contract import KnowingSenders
from marketing.channels.contract_email import LONGEST_ALIAS
from marketing.channels.models import Provider, SenderAddress

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def add(access: Access, provider: Provider, address: str, name: str = "") -> SenderAddress:
    """A sender address for mail of this provider. A platform is asked whether it knows it, and whether it is frozen."""
    address, name = address.strip(), name.strip()
    if provider.channel != Provider.Channel.EMAIL:
        raise Conflict(_("Only e-mail providers have sender addresses."))
    kind = provider_type(provider)
    _check(address, name, LONGEST_ALIAS if isinstance(kind, KnowingSenders) else 64)
    frozen = _frozen_at(provider, kind, address) if isinstance(kind, KnowingSenders) else False
    try:
        with transaction.atomic():
            sender = SenderAddress.objects.create(
                workspace=access.workspace,
                provider=provider,
                address=address,
                name=name,
                state=_state(frozen),
            )
    except IntegrityError:
        message = _("The provider has this address already.")
        raise ValidationFailed(message, errors={"address": [message]}) from None
    audit.record(access, "sender.created", sender, after={"address": address})
    return sender


def _check(address: str, name: str, longest: int) -> None:
    try:
        validate_email(address)
    except DjangoValidationError:
        message = _("This is not an e-mail address.")
        raise ValidationFailed(message, errors={"address": [message]}) from None
    if _CONTROL.search(name):
        message = _("Line breaks cannot stand here.")
        raise ValidationFailed(message, errors={"name": [message]})
    if len(name) > longest:
        message = _("At most %(most)d characters.") % {"most": longest}
        raise ValidationFailed(message, errors={"name": [message]})


def _frozen_at(provider: Provider, kind: KnowingSenders, address: str) -> bool:
    """Raises ValidationFailed where the platform does not know the address, ProviderError."""
    message = _("The platform does not know this address.")
    try:
        found = kind.senders(provider, address)
    except ProviderError as error:
        if error.code != "provider_refused" and error.extra.get("provider_status") != 404:
            raise
        raise ValidationFailed(message, errors={"address": [message]}) from None
    same = [frozen for known, frozen in found.items() if known.lower() == address.lower()]
    if not same:
        raise ValidationFailed(message, errors={"address": [message]})
    return same[0]


def fetch(access: Access, provider: Provider) -> dict[str, int]:
    """Take over the platform's sender addresses, and which are frozen: {"new", "frozen", "known"} count addresses.

    Addresses that the platform does not list are asked for one by one; those that it does not know are frozen here.
    Raises ProviderError, ActionNotSupported.
    """
    kind = provider_type(provider)
    if not isinstance(kind, KnowingSenders):
        raise ActionNotSupported(_("This provider has no list of addresses: add them by hand."))
    found = {address.lower(): (address, frozen) for address, frozen in _listed(provider, kind).items()}
    known = {row.address.lower(): row for row in provider.senders.all()}
    for key, row in known.items():
        if key not in found:
            found[key] = (row.address, _is_gone_or_frozen(provider, kind, row.address))
    new = [item for key, item in found.items() if key not in known]
    with transaction.atomic():
        for key, row in known.items():
            SenderAddress.objects.filter(pk=row.pk).update(state=_state(found[key][1]))
        SenderAddress.objects.bulk_create(
            [
                SenderAddress(
                    workspace=access.workspace, provider=provider, address=address, state=_state(frozen)
                )
                for address, frozen in new
            ],
            ignore_conflicts=True,
        )
        counts = {
            "new": len(new),
            "frozen": sum(frozen for _address, frozen in found.values()),
            "known": len(known),
        }
        audit.record(access, "provider.senders_fetched", provider, after=counts)
    return counts


def _listed(provider: Provider, kind: KnowingSenders) -> dict[str, bool]:
    """Nothing where the platform wants an address and lists none."""
    try:
        return _valid(kind.senders(provider))
    except ProviderError as error:
        if error.code == "provider_refused" or error.extra.get("provider_status") == 404:
            return {}
        raise


def _valid(found: dict[str, bool]) -> dict[str, bool]:
    kept = {}
    for address, frozen in found.items():
        try:
            validate_email(address)
        except DjangoValidationError:
            continue
        kept[address] = frozen
    return kept


def _is_gone_or_frozen(provider: Provider, kind: KnowingSenders, address: str) -> bool:
    try:
        return _frozen_at(provider, kind, address)
    except ValidationFailed:
        return True


def _state(frozen: bool) -> SenderAddress.State:
    return SenderAddress.State.FROZEN if frozen else SenderAddress.State.NORMAL


def delete(access: Access, sender: SenderAddress) -> None:
    try:
        with transaction.atomic():
            audit.record(access, "sender.deleted", sender, before={"address": sender.address})
            sender.delete()
    except ProtectedError:
        raise Conflict(_("Send-outs have used this address, so it stays."), code="in_use") from None
