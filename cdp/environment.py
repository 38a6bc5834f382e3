"""Reading settings from the environment: the only source of configuration."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The variable `name`; raises ImproperlyConfigured where it is missing and has no default."""
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"The environment variable {name} is not set.")
    return value


def flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name)
    return default if value in (None, "") else value.lower() in ("1", "true", "yes", "on")


def number(name: str, default: int) -> int:
    value = os.environ.get(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def listing(name: str, default: str = "") -> list[str]:
    """A comma-separated variable as a list without blanks."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def folder(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).resolve()


def postgres(url: str) -> dict[str, object]:
    """Django database settings of a postgres:// URL; a `host` query argument may name a socket folder."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://.")
    query = dict(parse_qsl(parts.query))
    options: dict[str, object] = {key: value for key, value in query.items() if key != "host"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def file_storage(name: str, folder: Path) -> dict[str, object]:
    """Django's storage at `<name>_PATH`, `s3://bucket/prefix` with `<name>_S3_…`; in the folder where that is empty."""
    path = text(f"{name}_PATH", "")
    if not path:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder},
        }
    parts = urlsplit(path)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured(f"{name}_PATH must look like s3://bucket/prefix.")
    options = {"bucket": parts.netloc, "prefix": parts.path.strip("/")}
    for option in ("endpoint", "region", "key_id", "secret", "url_style"):
        options[option] = text(f"{name}_S3_{option.upper()}", "")
    return {"BACKEND": "cdp.core.object_store.ObjectStore", "OPTIONS": options}


def test_worker() -> int:
    """The number of this parallel test worker, from 1; 0 where tests run in one process."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    return int(name.removeprefix("gw")) + 1 if name else 0
