"""What can be set on the sandbox, at the start or while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Options:
    """Times are in seconds."""

    platform_name: str = "Sandbox"
    token: str = ""
    """Bearer token that calls of the contract must carry; empty for none."""
    auth_header: str = ""
    """The header that carries the token instead of Authorization; empty for a bearer token."""
    signing_key: str = ""
    """Key that calls of the contract must be signed with (HMAC) instead; empty for none."""
    push_secret: str = "sandbox"
    """App master secret that calls of U-Push are signed with."""
    umeng_key: str = "1234567"
    umeng_secret: str = "sandbox"
    """Keys of the Umeng account, whose calls are signed with them."""
    umeng_more_apps: int = 0
    """So many apps has the Umeng account besides its usual ones."""
    access_key_id: str = "sandbox-id"
    access_key_secret: str = "sandbox-secret"
    """Keys of the Alibaba Cloud account, whose calls are signed with them."""
    webhook_key: str = "sandbox-key"
    """Key that the own system's calls are signed with, in both directions; empty for none."""
    results_url: str = ""
    """Where the own system reports results to; empty for nowhere."""
    receipt_seconds: float = 1.0
    late_seconds: float = 60.0
    """When the recipients that report late do so."""
    review_seconds: float = 2.0
    callback_url: str = ""
    """Where receipts and replies are pushed to; empty for nowhere."""
    mixed_reports: bool = False
    """Receipts are pushed twice, the second time in the opposite order."""
    senders: str = ""
    """Sender addresses that are listed to whoever asks for none, separated by commas; empty: one must be asked for."""
    callback_secret: str = ""
    """What replies are signed with on their way to whoever gets them."""
    smtp_user: str = ""
    smtp_password: str = ""
    kept_bodies: int = 20_000
    """The contents of this many latest mails are kept; envelopes and counts are kept of all."""

    def change(self, values: dict[str, Any]) -> None:
        """Set several at once; raises ValueError on an unknown name or a value of another type, and sets nothing."""
        known = {field.name: type(field.default) for field in fields(self)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            kind = known.get(name)
            if kind is None:
                raise ValueError(f"There is no option {name}.")
            if kind is float and type(value) is int:
                value = float(value)
            # `isinstance` would take true for a number.
            if type(value) is not kind:
                raise ValueError(f"{name} must be of type {kind.__name__}.")
            checked[name] = value
        for name, value in checked.items():
            setattr(self, name, value)

    def shown(self) -> dict[str, Any]:
        """All options without the secrets."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name
            not in (
                "token",
                "signing_key",
                "push_secret",
                "umeng_secret",
                "access_key_secret",
                "callback_secret",
                "webhook_key",
                "smtp_password",
            )
        }
