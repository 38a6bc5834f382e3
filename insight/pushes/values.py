"""The IDs, tags and facts of a batch as they go out: hashed, or decrypted, in memory only."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext as _

from admin_center.organizations import id_key
from cdp.core.errors import Conflict
from cdp.core.identifiers import ID_TYPES
from cdp.crypto import customer_ids
from insight.pushes.targets.base import Row


class Outgoing:
    """The rows of one push. `undecryptable` counts IDs that the organization's key did not open.

    Raises Conflict id_key_missing where something is to be decrypted and there is no key.
    """

    def __init__(self, chosen: Sequence[dict[str, Any]], workspace: Any) -> None:
        self.chosen = chosen
        self.undecryptable = 0
        self._seen: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._key = id_key.of(workspace) if any(_is_decrypted(field) for field in chosen) else ""
        if not self._key and any(_is_decrypted(field) for field in chosen):
            raise Conflict(
                _("The IDs are AES-encrypted, and the organization has no key yet."), code="id_key_missing"
            )

    def rows(self, batch: pa.RecordBatch) -> tuple[list[Row], int]:
        """The users of a batch, and how many were left out because none of the chosen IDs is known of them.

        Raises Conflict wrong_id_key where more than half of a column's IDs, so far, could not be decrypted.
        """
        values: dict[str, list[Any]] = {}
        keys: list[Any] = batch.column("user_unique_id").to_pylist()
        tags = 0
        for field in self.chosen:
            if field["kind"] == "tag":
                found = batch.column(f"tag_{tags}").to_pylist()
                tags += 1
            elif field["kind"] == "fact":
                found = batch.column(f"fact_{field['column']}").to_pylist()
            else:
                found = self._ids(field, batch.column(field["column"]).to_pylist())
                if field["column"] == "user_unique_id":
                    keys = found
            values[field["alias"]] = found
        ids = [values[field["alias"]] for field in self.chosen if field["kind"] == "id"]
        rows, left_out = [], 0
        for place, key in enumerate(keys):
            if key is None or all(column[place] is None for column in ids):
                left_out += 1
            else:
                rows.append(Row(key, {name: column[place] for name, column in values.items()}))
        return rows, left_out

    def _ids(self, field: dict[str, Any], found: list[Any]) -> list[Any]:
        if _is_decrypted(field):
            found = self._decrypted(field, found)
        hashed = _hashing(field)
        return [value and hashed(value) for value in found] if hashed else found

    def _decrypted(self, field: dict[str, Any], found: list[Any]) -> list[Any]:
        normalise, column = ID_TYPES[field["id_type"]].normalise, field["column"]
        opened = []
        for value in found:
            text = customer_ids.decrypt_id(value, self._key) if value else None
            opened.append(normalise(text) if text else None)
        failed = sum(bool(value) and text is None for value, text in zip(found, opened, strict=True))
        self._seen[column] += sum(map(bool, found))
        self._failed[column] += failed
        self.undecryptable += failed
        if self._failed[column] * 2 > self._seen[column]:
            raise Conflict(
                _(
                    "The AES key does not fit the column “%(name)s”: %(failed)d of %(all)d IDs cannot be decrypted."
                )
                % {"name": field["alias"], "failed": self._failed[column], "all": self._seen[column]},
                code="wrong_id_key",
            )
        return opened


def _is_decrypted(field: dict[str, Any]) -> bool:
    return field["kind"] == "id" and field.get("stored") == "aes" and field.get("encryption") != "aes"


def _hashing(field: dict[str, Any]) -> Callable[[str], str] | None:
    """How the values of an ID are hashed on their way out; None where they go as they are."""
    name = field.get("encryption")
    if field.get("stored") not in ("plain", "aes") or name not in ("md5", "sha256"):
        return None
    return lambda value: hashlib.new(str(name), value.encode(), usedforsecurity=False).hexdigest()
