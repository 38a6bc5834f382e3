"""The errors that Tideline raises on purpose.

Each has a stable `code`, an HTTP `status`, and a `detail` written for the person who sees it. The API answers
with an RFC 9457 problem document, the console with a message, or at the field named in `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

FieldErrors = Mapping[str, Sequence[object]]


class DomainError(Exception):
    """Something the person can understand and usually mend."""

    status = 400
    code = "invalid"
    title: object = _("The request could not be carried out")
    retryable = False

    def __init__(
        self,
        detail: object = "",
        *,
        code: str | None = None,
        status: int | None = None,
        errors: FieldErrors | None = None,
        retryable: bool | None = None,
        **extra: object,
    ) -> None:
        super().__init__(str(detail) if detail else str(self.title))
        self.detail = detail or self.title
        self.code = code or self.code
        self.status = status or self.status
        self.errors = {field: list(messages) for field, messages in (errors or {}).items()}
        if retryable is not None:
            self.retryable = retryable
        self.extra = extra

    def __str__(self) -> str:
        return str(self.detail)

    def problem(self) -> dict[str, object]:
        """The RFC 9457 document of this error."""
        document: dict[str, object] = {
            "type": f"/docs/errors#{self.code}",
            "title": str(self.title),
            "status": self.status,
            "code": self.code,
            "detail": str(self.detail),
        }
        if self.errors:
            document["errors"] = {
                field: [str(m) for m in messages] for field, messages in self.errors.items()
            }
        return {**document, **self.extra}


class ValidationFailed(DomainError):
    code = "validation_failed"
    title = _("Some fields need another value")


class NotFound(DomainError):
    status = 404
    code = "not_found"
    title = _("Not found")


class PermissionDenied(DomainError):
    status = 403
    code = "permission_denied"
    title = _("You are not allowed to do this")

    def __init__(self, detail: object = "", *, point: str = "", **kwargs: object) -> None:
        super().__init__(
            detail or _("Your roles do not include the permission “%(point)s”.") % {"point": point},
            **kwargs,  # type: ignore[arg-type]
        )
        if point:
            self.extra["point"] = point


class Conflict(DomainError):
    status = 409
    code = "conflict"
    title = _("This does not fit the present state")


class ActionNotSupported(Conflict):
    code = "action_not_supported"
    title = _("This object does not offer that action")


class PreconditionFailed(DomainError):
    status = 412
    code = "lost_update"
    title = _("Somebody else has changed this meanwhile")


class Gone(DomainError):
    status = 410
    code = "gone"
    title = _("This is no longer there")


class TooLarge(DomainError):
    status = 413
    code = "too_large"
    title = _("This is too large")


class TooManyRequests(DomainError):
    status = 429
    code = "throttled"
    title = _("Too many requests")
    retryable = True


class EngineError(DomainError):
    """The data engine failed; `retryable` says whether trying again can help."""

    status = 502
    code = "engine_error"
    title = _("The data engine could not answer")


class Cancelled(DomainError):
    """Raised inside work that a person has cancelled, or a newer request has replaced."""

    status = 409
    code = "cancelled"
    title = _("Cancelled")
