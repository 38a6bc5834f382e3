"""Static files with a content hash in their names."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class RelaxedManifestStorage(CompressedManifestStaticFilesStorage):
    """Packages from npm name source maps and fonts that they do not ship: those names are left as they are."""

    manifest_strict = False

    def hashed_name(self, name: str, content: object = None, filename: str | None = None) -> str:
        try:
            return super().hashed_name(name, content, filename)
        except ValueError:
            return name
