"""What changes campaigns. Permission points are checked by the caller, rights on single campaigns here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import PreconditionFailed, ValidationFailed
from insight.campaigns import rights
from insight.campaigns.models import Campaign

TEXTS = {"name": 64, "code": 32, "type": 32, "description": 1000}
AMOUNTS = ("budget", "goal")
CURRENCIES = ("budget_currency", "goal_currency")
FIELDS = (*TEXTS, "is_main", "parent", "starts", "ends", *AMOUNTS, *CURRENCIES)
MOST = Decimal("999999999999.99")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}")


def create(access: Access, values: Mapping[str, Any]) -> Campaign:
    """A new campaign. `values` as in FIELDS; dates as date or ISO text, amounts as numbers or text, parent as ID.

    Raises ValidationFailed at the field.
    """
    campaign = Campaign(workspace=access.workspace, owner=access.user)
    _assign(access, campaign, {"starts": None, "ends": None, "name": "", "code": "", **values}, is_new=True)
    with transaction.atomic():
        _save(campaign, is_new=True)
        audit.record(access, "campaign.created", campaign, after=logged(campaign))
    return campaign


def update(
    access: Access, campaign: Campaign, values: Mapping[str, Any], *, edit_version: int | None = None
) -> Campaign:
    """Change some fields. A main campaign stays one.

    Raises PermissionDenied, ValidationFailed, PreconditionFailed where somebody else has changed it meanwhile.
    """
    rights.check_change(access, campaign)
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("parent").get(pk=campaign.pk)
        if edit_version is not None and edit_version != row.edit_version:
            raise PreconditionFailed(
                _("Load the campaign again, repeat your change on it, and save once more.")
            )
        before = logged(row)
        _assign(access, row, values, is_new=False)
        after = {name: value for name, value in logged(row).items() if value != before[name]}
        row.bump()
        _save(row, is_new=False)
        if after:
            audit.record(
                access, "campaign.changed", row, before={name: before[name] for name in after}, after=after
            )
    return row


def delete(access: Access, campaign: Campaign) -> None:
    """Remove a campaign. Those below a main one become independent; audiences and tasks stay as they are."""
    rights.check_change(access, campaign)
    with transaction.atomic():
        freed = list(campaign.children.values_list("pk", flat=True))
        audit.record(access, "campaign.deleted", campaign, before={**logged(campaign), "freed": freed})
        campaign.delete()


def types(access: Access) -> list[str]:
    """The types that campaigns of the workspace have, by name."""
    rows = Campaign.objects.in_workspace(access.workspace).exclude(type="")
    return sorted(rows.order_by().values_list("type", flat=True).distinct())


def logged(campaign: Campaign) -> dict[str, Any]:
    found = {name: getattr(campaign, name) for name in FIELDS if name != "parent"}
    texts = {name: None if found[name] is None else str(found[name]) for name in (*AMOUNTS, "starts", "ends")}
    return {**found, **texts, "parent": campaign.parent_id}


def _assign(access: Access, campaign: Campaign, values: Mapping[str, Any], *, is_new: bool) -> None:
    errors: dict[str, list[str]] = {
        str(name): [_("There is no such field.")] for name in values if name not in FIELDS
    }
    for name, length in TEXTS.items():
        if name in values:
            _text(campaign, name, values[name], length, errors)
    if "is_main" in values:
        if not isinstance(values["is_main"], bool):
            errors["is_main"] = [_("Use true or false.")]
        elif is_new:
            campaign.is_main = values["is_main"]
        elif values["is_main"] != campaign.is_main:
            errors["is_main"] = [_("A main campaign stays one, and another never becomes one.")]
    for name in ("starts", "ends"):
        if name in values:
            _day(campaign, name, values[name], errors)
    for name in AMOUNTS:
        if name in values:
            _amount(campaign, name, values[name], errors)
    for name in CURRENCIES:
        if name in values:
            if values[name] in Campaign.Currency.values:
                setattr(campaign, name, values[name])
            else:
                errors[name] = [
                    _("Choose one of %(types)s.") % {"types": ", ".join(Campaign.Currency.values)}
                ]
    if "parent" in values:
        _parent(access, campaign, values["parent"], errors)
    if not errors:
        _check_days(campaign, errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _text(campaign: Campaign, name: str, value: Any, length: int, errors: dict[str, list[str]]) -> None:
    text = value.strip() if isinstance(value, str) else "" if value is None else None
    if text is None:
        errors[name] = [_("This must be text.")]
    elif len(text) > length:
        errors[name] = [_("Use at most %(length)d characters.") % {"length": length}]
    elif name == "name" and not text:
        errors[name] = [_("This is needed.")]
    elif name == "code" and not _CODE.fullmatch(text):
        errors[name] = [_("Use 1 to 32 letters, digits, hyphens and underscores.")]
    else:
        setattr(campaign, name, text)


def _day(campaign: Campaign, name: str, value: Any, errors: dict[str, list[str]]) -> None:
    try:
        setattr(campaign, name, value if type(value) is date else date.fromisoformat(str(value)))
    except ValueError:
        errors[name] = [_("Give a day such as 2026-01-31.")]


def _amount(campaign: Campaign, name: str, value: Any, errors: dict[str, list[str]]) -> None:
    if value in (None, ""):
        setattr(campaign, name, None)
        return
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= MOST or number != number.quantize(Decimal("0.01")):
        errors[name] = [_("Give an amount of 0 or more with at most two decimals.")]
    else:
        setattr(campaign, name, number.quantize(Decimal("0.01")))


def _parent(access: Access, campaign: Campaign, value: Any, errors: dict[str, list[str]]) -> None:
    if value in (None, ""):
        campaign.parent = None
        return
    found = rights.visible(access).filter(pk=str(value), is_main=True).first()
    if campaign.is_main:
        errors["parent"] = [_("A main campaign belongs to no other.")]
    elif found is None:
        errors["parent"] = [_("There is no such main campaign here.")]
    else:
        campaign.parent = found


def _check_days(campaign: Campaign, errors: dict[str, list[str]]) -> None:
    """A campaign lies within its main one, whichever of the two is changed."""
    if campaign.ends < campaign.starts:
        errors["ends"] = [_("The last day is before the first.")]
        return
    parent = campaign.parent
    if parent is not None:
        said = {"first": parent.starts, "last": parent.ends}
        for name, fits in (
            ("starts", campaign.starts >= parent.starts),
            ("ends", campaign.ends <= parent.ends),
        ):
            if not fits:
                errors[name] = [_("The main campaign goes from %(first)s to %(last)s.") % said]
    elif campaign.is_main and campaign.pk:
        outside = [
            f"{row.name} ({row.starts} – {row.ends})"
            for row in campaign.children.all()
            if row.starts < campaign.starts or row.ends > campaign.ends
        ]
        if outside:
            errors["ends"] = [
                _("These campaigns would lie outside: %(names)s.") % {"names": ", ".join(outside)}
            ]


def _save(campaign: Campaign, *, is_new: bool) -> None:
    try:
        with transaction.atomic():
            campaign.save(force_insert=is_new)
    except IntegrityError as error:
        if "campaign_code_unique" not in str(error):
            raise
        message = _("Another campaign has this code.")
        raise ValidationFailed(message, errors={"code": [message]}) from None
