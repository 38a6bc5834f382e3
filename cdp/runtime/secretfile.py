"""The generated secrets of one data folder, kept in `<data>/secrets.json` for its owner alone."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet


def _token() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Secrets:
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(50))
    # The first key encrypts, the others only decrypt what was written before a rotation.
    encryption_keys: tuple[str, ...] = field(default_factory=lambda: (Fernet.generate_key().decode(),))
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    postgres_password: str = field(default_factory=_token)
    redis_password: str = field(default_factory=_token)


def load_or_create(data: Path) -> Secrets:
    """The secrets of this data folder; made up and stored (mode 600) the first time."""
    path = data / "secrets.json"
    if path.exists():
        stored = json.loads(path.read_text())
        return Secrets(**{**stored, "encryption_keys": tuple(stored["encryption_keys"])})
    created = Secrets()
    # Written aside and renamed: a crash must not leave half a file behind, for the keys in it are the only ones.
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(created), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return created
