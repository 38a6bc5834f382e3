"""Use cases of templates and signatures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import count
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, PreconditionFailed, ValidationFailed
from marketing.channels.base import ProviderError
from marketing.channels.models import Provider
from marketing.content import (
    defaults,
    design,
    digital,
    mail,
    mail_checks,
    push,
    reviews,
    usage,
    versions,
    writing,
)
from marketing.content.models import ReviewState, Template, TemplateReview, TemplateVersion

log = logging.getLogger(__name__)
FIELDS = versions.FIELDS
_EMPTY: dict[str, Any] = {"design": {}, "push": {}, "parts": [], "signature": None, "defaults": {}}
REVIEWED = ("subject", "sender_name", "html", "text")
"""What platforms have approved of a mail: changing it makes another mail."""
MAX_HTML_BYTES = 500_000
MAX_SMS = 500
MAX_NOTE = 100


def create_template(access: Access, channel: str, values: dict[str, Any]) -> Template:
    """A new template. Raises ValidationFailed with the fields that need another value."""
    template = Template(workspace=access.workspace, channel=channel, owner=access.user)
    _assign(access, template, values)
    _save(access, template)
    audit.record(access, "template.created", template, after={"name": template.name, "channel": channel})
    return template


def update_template(
    access: Access,
    template: Template,
    values: dict[str, Any],
    *,
    edit_version: int | None = None,
    restored_from: int | None = None,
) -> Template:
    """Change a template. Send-outs under way keep the text they started with; reviews start anew.

    A mail that a platform has approved stays as it is where its words would change: the answer is a new template with
    them, sent in for review where the old one was approved. An SMS is changed before it is sent in, or once it was
    rejected; otherwise Conflict. Defaults of variables can always be changed: no platform sees them.
    """
    if edit_version is not None and edit_version != template.edit_version:
        raise PreconditionFailed()
    unseen = set(values) <= {"defaults"}
    if not unseen and not is_editable(template):
        raise Conflict(
            _(
                "A platform reviews this SMS or has approved it, so it stays as it is. Make a new one from it."
            ),
            code="template_reviewed",
        )
    before = {field: getattr(template, field) for field in REVIEWED}
    _assign(access, template, values)
    same = before == {field: getattr(template, field) for field in REVIEWED}
    if (
        template.channel == Provider.Channel.EMAIL
        and not same
        and (approved := reviews.approved_at(template))
    ):
        return _as_new(access, template, approved)
    version = template.edit_version
    template.bump()
    with transaction.atomic():
        versions.keep_before(template)
        _save(access, template, restored_from=restored_from)
        if unseen or (same and template.channel == Provider.Channel.EMAIL):
            reviews.carry_over(template, version)
        audit.record(access, "template.changed", template, after={"fields": sorted(values)})
    return template


def restore(
    access: Access, template: Template, version: TemplateVersion, *, edit_version: int | None = None
) -> Template:
    """The template as it was in this version, as a new one of its versions. Raises as `update_template` does."""
    restored = update_template(
        access,
        template,
        versions.values(version),
        edit_version=edit_version,
        restored_from=version.number,
    )
    audit.record(access, "template.restored", restored, after={"version": version.number})
    return restored


def is_editable(template: Template) -> bool:
    """An SMS is, until a platform looks at it, and again once all that have looked have rejected it."""
    return template.channel != Provider.Channel.SMS or reviews.states(template) <= {ReviewState.REJECTED}


def _as_new(access: Access, template: Template, providers: list[Provider]) -> Template:
    """The changed template under a name that is free, sent in for review at these platforms."""
    old = Template.objects.get(pk=template.pk)
    template.name = free_name(old.workspace_id, old.channel, template.name)
    new = create_template(access, old.channel, {field: getattr(template, field) for field in FIELDS})
    for provider in providers:
        try:
            submit_for_review(access, new, provider)
        except (ProviderError, ValidationFailed) as error:
            # It is kept, and can be sent in by hand.
            log.info("Template %s could not be sent in at %s: %s", new.pk, provider.pk, error)
    return new


def free_name(workspace: Any, channel: str, name: str) -> str:
    """The name, with a number behind it where a template of the channel has it."""
    names = set(
        Template.objects.in_workspace(workspace).filter(channel=channel).values_list("name", flat=True)
    )
    if name not in names:
        return name
    return next(found for number in count(2) if (found := f"{name[:58]} ({number})") not in names)


def _assign(access: Access, template: Template, values: dict[str, Any]) -> None:
    for field, value in values.items():
        if field in FIELDS:
            # Forms send line breaks of two characters, which an SMS would pay for.
            plain = value.replace("\r\n", "\n") if field == "text" and isinstance(value, str) else value
            if field == "parts" and value:
                plain = digital.taken(access, template, value)
            setattr(template, field, plain or _EMPTY.get(field, ""))
    if template.is_digital:
        template.text = digital.text_of(template.parts)
    errors = _make_html(template, values) | problems(template)
    if template.defaults and not errors:
        errors = _defaults(template, values)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _defaults(template: Template, values: dict[str, Any]) -> dict[str, list[str]]:
    """A default goes with its variable. Returns what is wrong with defaults that somebody gives."""
    if "defaults" not in values:
        known = set(template.variables)
        template.defaults = {name: item for name, item in template.defaults.items() if name in known}
    found = defaults.problems(template.defaults, template.variables)
    return {"defaults": found} if found else {}


def _make_html(template: Template, values: dict[str, Any]) -> dict[str, list[str]]:
    """The HTML of a design; HTML that somebody writes takes the place of an earlier design. Returns what is wrong."""
    if template.channel != Provider.Channel.EMAIL:
        return {"design": [_("Mails alone have this.")]} if template.design else {}
    if "html" in values and not values.get("design"):
        template.design = {}
    if not template.design:
        return {}
    try:
        template.html = design.html_of(template.design)
    except ValidationFailed as error:
        return dict(error.errors)
    return {}


def problems(template: Template) -> dict[str, list[str]]:
    """What keeps a template from being saved, by field."""
    errors: dict[str, list[str]] = {}
    if not template.name.strip() or len(template.name) > 64:
        errors["name"] = [_("Give a name of 1 to 64 characters.")]
    if template.purpose not in Template.Purpose.values:
        errors["purpose"] = [_("Choose one of the list.")]
    if template.channel == Provider.Channel.EMAIL:
        if not template.subject.strip():
            errors["subject"] = [_("A mail needs a subject.")]
        if not template.html.strip() and not template.text.strip():
            errors["html"] = [_("Write the mail.")]
        if len(template.html.encode()) > MAX_HTML_BYTES:
            errors["html"] = [_("The HTML is larger than 500 KB.")]
        elif refused := mail_checks.refused(template.html):
            errors["html"] = refused
        for field in ("subject", "sender_name"):
            if mail.CONTROL.search(getattr(template, field)):
                errors[field] = [_("Line breaks cannot stand here.")]
        if len(template.sender_name) > 64:
            errors["sender_name"] = [_("At most 64 characters.")]
    elif template.channel == Provider.Channel.PUSH:
        errors |= _push_problems(template)
    elif template.is_digital:
        errors |= digital.problems(template)
    elif not 1 <= len(template.text.strip()) <= MAX_SMS:
        errors["text"] = [_("An SMS has 1 to 500 characters.")]
    if template.channel != Provider.Channel.SMS and (template.parts or template.note):
        errors["parts" if template.parts else "note"] = [_("SMS alone have this.")]
    if template.signature is not None and not template.is_digital:
        errors["signature"] = [_("Digital SMS alone have this.")]
    if len(template.note) > MAX_NOTE:
        errors["note"] = [_("At most 100 characters.")]
    if template.push and template.channel != Provider.Channel.PUSH:
        errors["push"] = [_("Push messages alone have this.")]
    if template.sender_name and template.channel != Provider.Channel.EMAIL:
        errors["sender_name"] = [_("Mails alone have this.")]
    for field in () if template.is_digital else ("subject", "html", "text"):
        for message in _written_wrong(template, getattr(template, field)):
            errors.setdefault(field, []).append(message)
    return errors


def _written_wrong(template: Template, text: str) -> list[str]:
    if template.channel == Provider.Channel.SMS:
        return writing.sms_problems(template.workspace_id, text)
    return writing.problems(text)


def _push_problems(template: Template) -> dict[str, list[str]]:
    errors = push.problems(template.push)
    if not 1 <= len(template.subject.strip()) <= push.LONGEST_TITLE:
        errors["subject"] = [_("A title has 1 to %(most)d characters.") % {"most": push.LONGEST_TITLE}]
    if not 1 <= len(template.text.strip()) <= push.LONGEST_TEXT:
        errors["text"] = [_("A push message has 1 to %(most)d characters.") % {"most": push.LONGEST_TEXT}]
    return errors


def _save(access: Access, template: Template, *, restored_from: int | None = None) -> None:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        message = _("Another template of this channel has this name.")
        raise ValidationFailed(message, errors={"name": [message]}) from None
    versions.keep(template, access.user, restored_from=restored_from)


def delete_template(access: Access, template: Template) -> None:
    """Remove a template that nothing needs any more; send-outs that are over keep what they have sent.

    Raises Conflict, also while a platform reviews an SMS.
    """
    if template.channel == Provider.Channel.SMS and ReviewState.REVIEWING in reviews.states(template):
        raise Conflict(_("A platform reviews this SMS. Wait for its word."), code="template_reviewed")
    with transaction.atomic():
        Template.objects.select_for_update().get(pk=template.pk)
        if names := usage.users(template):
            raise Conflict(
                _("Send-outs use this template, so it stays: %(names)s") % {"names": ", ".join(names)},
                code="in_use",
            )
        audit.record(access, "template.deleted", template, before={"name": template.name})
        try:
            with transaction.atomic():
                template.delete()
        except ProtectedError:
            Template.objects.filter(pk=template.pk).update(removed=True)


def submit_to_all(
    access: Access, template: Template, providers: Sequence[Provider]
) -> tuple[list[TemplateReview], dict[str, str]]:
    """Send it to several platforms: the reviews, and by provider what one that did not take it says."""
    made, failed = [], {}
    for provider in providers:
        try:
            made.append(submit_for_review(access, template, provider))
        except DomainError as error:
            failed[provider.pk] = str(error)
    return made, failed


def submit_for_review(access: Access, template: Template, provider: Provider) -> Any:
    """Send the template's present text to the platform for review. Raises ProviderError.

    A digital SMS goes to the platform that knows its signature.
    """
    if template.signature is not None and template.signature.provider_id != provider.pk:
        raise Conflict(_("This platform does not know the signature of the digital SMS."))
    review = reviews.submit(template, provider)
    audit.record(
        access, "template.submitted", template, after={"provider": provider.pk, "code": review.remote_code}
    )
    return review
