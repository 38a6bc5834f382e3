"""The second step of signing in: time-based codes (RFC 6238) and recovery codes."""

from __future__ import annotations

import io
import secrets
import time

import pyotp
import segno
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from admin_center.members.models import User
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed

ISSUER = "Tideline"
STEP_SECONDS = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """A secret for an authenticator app, in base32."""
    return pyotp.random_base32()


def qr_svg(user: User, secret: str) -> str:
    """The set-up code as an inline SVG, dark on white so that cameras read it in either theme."""
    address = pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER)
    out = io.BytesIO()
    segno.make(address, error="m").save(
        out, kind="svg", scale=5, border=3, light="#fff", xmldecl=False, svgns=True, nl=False
    )
    return out.getvalue().decode()


@transaction.atomic
def enable(user: User, secret: str, code: str, *, access: Access | None = None) -> list[str]:
    """Switch the second step on, once `code` proves that the app has the secret.

    Returns the recovery codes, which are shown once. Raises ValidationFailed for a wrong code.
    """
    step = _matching_step(secret, code, after=0)
    if step is None:
        raise _wrong_code()
    user.totp_secret, user.totp_enabled_at, user.totp_last_step = secret, timezone.now(), step
    codes = _set_recovery_codes(user)
    user.save(
        update_fields=["totp_secret", "totp_enabled_at", "totp_last_step", "recovery_codes", "updated_at"]
    )
    audit.record(access, "user.two_step_enabled", user)
    return codes


@transaction.atomic
def disable(user: User, *, access: Access | None = None) -> None:
    user.totp_secret, user.totp_enabled_at, user.recovery_codes = "", None, []
    user.save(update_fields=["totp_secret", "totp_enabled_at", "recovery_codes", "updated_at"])
    audit.record(access, "user.two_step_disabled", user)


@transaction.atomic
def renew_recovery_codes(user: User, *, access: Access | None = None) -> list[str]:
    """Replace the recovery codes; the old ones stop working."""
    codes = _set_recovery_codes(user)
    user.save(update_fields=["recovery_codes", "updated_at"])
    audit.record(access, "user.recovery_codes_renewed", user)
    return codes


@transaction.atomic
def verify(user: User, code: str) -> bool:
    """Whether `code` is the app's present one, or an unused recovery code. Neither works twice."""
    row = User.objects.select_for_update().get(pk=user.pk)
    if not row.uses_totp:
        return False
    step = _matching_step(row.totp_secret, code, after=row.totp_last_step)
    if step is not None:
        User.objects.filter(pk=row.pk).update(totp_last_step=step)
        return True
    wanted = _hashed(row, code)
    left = [kept for kept in row.recovery_codes if not constant_time_compare(kept, wanted)]
    if len(left) == len(row.recovery_codes):
        return False
    row.recovery_codes = left
    row.save(update_fields=["recovery_codes", "updated_at"])
    audit.record(None, "user.recovery_code_used", row, detail={"left": len(left)})
    return True


def _matching_step(secret: str, code: str, *, after: int) -> int | None:
    """The time step whose code this is, at most one step off and later than `after`."""
    code = code.replace(" ", "")
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    totp, now = pyotp.TOTP(secret), int(time.time()) // STEP_SECONDS
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if step > after and constant_time_compare(totp.generate_otp(step), code):
            return step
    return None


def _set_recovery_codes(user: User) -> list[str]:
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _n in range(5)) for _part in range(2))
        for _c in range(RECOVERY_CODES)
    ]
    user.recovery_codes = [_hashed(user, code) for code in codes]
    return codes


def _hashed(user: User, code: str) -> str:
    plain = "".join(character for character in code.lower() if character.isalnum())
    return salted_hmac(f"recovery-code:{user.pk}", plain, algorithm="sha256").hexdigest()


def _wrong_code() -> ValidationFailed:
    message = _(
        "This code is not right. Check that the clock of your phone is, and type the code it shows now."
    )
    return ValidationFailed(message, errors={"code": [message]})
