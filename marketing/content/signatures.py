"""Use cases of SMS signatures: those that a platform knows already, and new ones that it reviews."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ActionNotSupported, Conflict, ValidationFailed
from marketing.channels import capabilities
from marketing.channels.base import ProviderError, provider_type
from marketing.channels.contract import ReviewingSignatures, SignatureRequest
from marketing.channels.models import Provider
from marketing.content import reviews
from marketing.content.models import ReviewState, Signature, SignatureProof

log = logging.getLogger(__name__)

MOST_PROOFS = 3
MOST_BYTES = 2 * 1024 * 1024
MOST_NOTE = 200
_STARTS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"%PDF-", "pdf"))


def add(access: Access, provider: Provider, text: str) -> Signature:
    """Register a signature that the platform knows; its review state is asked for at once."""
    with transaction.atomic():
        signature = _create(access, provider, text)
        audit.record(access, "signature.created", signature, after={"text": signature.text})
    return reviews.check_signature(signature)


def submit_new(
    access: Access, provider: Provider, text: str, *, source: str, note: str, proofs: Sequence[Any]
) -> Signature:
    """Send a new signature in for review, with files that prove the right to it.

    Raises ValidationFailed with the fields that need another value, ActionNotSupported, ProviderError.
    """
    _check_takes_new(provider)
    read = _checked(source, note, proofs, needed=True)
    with transaction.atomic():
        signature = _create(access, provider, text, source=source, note=note.strip())
        _keep(signature, read)
        _submit(signature, again=False)
        audit.record(
            access, "signature.submitted", signature, after={"text": signature.text, "source": source}
        )
    return _looked_at(signature)


def submit_again(
    access: Access,
    signature: Signature,
    *,
    text: str | None = None,
    source: str,
    note: str,
    proofs: Sequence[Any] = (),
) -> Signature:
    """Change a rejected signature and send it in once more. Without proofs, those of before go along.

    Raises Conflict where it is not rejected, otherwise as `submit_new`.
    """
    if not is_editable(signature):
        raise Conflict(
            _("Only rejected signatures that were sent in from here can be changed."),
            code="signature_not_rejected",
        )
    _check_takes_new(signature.provider)
    read = _checked(source, note, proofs, needed=False)
    before = signature.text
    signature.text = _text(before if text is None else text)
    signature.source, signature.note = source, note.strip()
    with transaction.atomic():
        _save(signature)
        if read:
            signature.proofs.all().delete()
            _keep(signature, read)
        _submit(signature, again=signature.text == before)
        audit.record(
            access,
            "signature.submitted",
            signature,
            before={"text": before},
            after={"text": signature.text, "source": source},
        )
    return _looked_at(signature)


def platforms(workspace: Any) -> QuerySet[Provider]:
    """Those that take new signatures."""
    rows = Provider.objects.in_workspace(workspace).filter(channel=Provider.Channel.SMS)
    taking = [row.pk for row in rows if capabilities.of(row).new_signatures]
    return Provider.objects.filter(pk__in=taking)


def is_editable(signature: Signature) -> bool:
    return signature.is_new and signature.state == ReviewState.REJECTED


def delete(access: Access, signature: Signature) -> None:
    """Raises Conflict where send-outs or digital SMS use it."""
    try:
        with transaction.atomic():
            audit.record(access, "signature.deleted", signature, before={"text": signature.text})
            signature.delete()
    except ProtectedError:
        raise Conflict(
            _("Send-outs or digital SMS use this signature, so it stays."), code="in_use"
        ) from None


def _create(access: Access, provider: Provider, text: str, **more: Any) -> Signature:
    if provider.channel != Provider.Channel.SMS:
        raise Conflict(_("Only SMS providers have signatures."))
    signature = Signature(workspace=access.workspace, provider=provider, text=_text(text), **more)
    _save(signature)
    return signature


def _text(text: str) -> str:
    text = text.strip()
    if not 2 <= len(text) <= 24 or any(character in text for character in "【】[]"):
        message = _("A signature has 2 to 24 characters, without brackets.")
        raise ValidationFailed(message, errors={"text": [message]})
    return text


def _save(signature: Signature) -> None:
    try:
        with transaction.atomic():
            signature.save()
    except IntegrityError:
        message = _("The provider has this signature already.")
        raise ValidationFailed(message, errors={"text": [message]}) from None


def _check_takes_new(provider: Provider) -> None:
    if provider.channel != Provider.Channel.SMS or not capabilities.of(provider).new_signatures:
        raise ActionNotSupported(
            _("This platform takes no new signatures from here. Register it there, then add it.")
        )


def _checked(source: str, note: str, proofs: Sequence[Any], *, needed: bool) -> list[tuple[str, str, bytes]]:
    """The proofs as name, format and content. Raises ValidationFailed with all that is wrong."""
    errors: dict[str, list[str]] = {}
    if source not in Signature.Source.values:
        errors["source"] = [_("Choose one of the list.")]
    if not 1 <= len(note.strip()) <= MOST_NOTE:
        errors["note"] = [_("Tell the reviewer in 1 to %(most)d characters.") % {"most": MOST_NOTE}]
    if len(proofs) > MOST_PROOFS or (needed and not proofs):
        errors["proofs"] = [_("One to three files prove the right to the name.")]
    read = []
    for file in proofs[:MOST_PROOFS]:
        content = file.read(MOST_BYTES + 1)
        kind = next((kind for start, kind in _STARTS if content.startswith(start)), None)
        if len(content) > MOST_BYTES:
            errors["proofs"] = [_("%(name)s is larger than 2 MB.") % {"name": file.name}]
        elif kind is None:
            errors["proofs"] = [_("%(name)s is no PNG, JPG or PDF file.") % {"name": file.name}]
        else:
            read.append((PurePath(file.name).name[:100], kind, content))
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return read


def _keep(signature: Signature, read: Sequence[tuple[str, str, bytes]]) -> None:
    for name, kind, content in read:
        SignatureProof.objects.create(
            signature=signature, name=name, format=kind, content=base64.b64encode(content).decode()
        )


def _submit(signature: Signature, *, again: bool) -> None:
    kind = provider_type(signature.provider)
    if not isinstance(kind, ReviewingSignatures):
        raise ActionNotSupported(_("This provider reviews no signatures."))
    proofs = [(row.format, row.content) for row in signature.proofs.all()]
    request = SignatureRequest(signature.text, signature.source, signature.note, proofs)
    kind.submit_signature(signature.provider, request, again=again)
    now = timezone.now()
    signature.state, signature.reason = ReviewState.REVIEWING, ""
    signature.submitted_at = signature.next_check_at = now
    signature.save()


def _looked_at(signature: Signature) -> Signature:
    """With what the platform says at once; where it cannot be asked yet, it is asked again by itself."""
    try:
        return reviews.check_signature(signature)
    except ProviderError as error:
        log.info("Signature %s could not be asked for: %s", signature.pk, error)
        return signature
