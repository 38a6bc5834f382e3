"""IDs that are AES-encrypted with the organization's key, and clear only in the moment that the ledger is written.

The ledger keeps targets as it keeps all of them: encrypted at rest, and a keyed hash beside them. What an audience made
of such a send-out holds are cipher texts again.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from admin_center.organizations import id_key
from cdp.core.errors import Conflict
from cdp.crypto import customer_ids
from insight.audiences import queries as audiences
from insight.audiences.models import Audience
from marketing.delivery.models import SendOut
from marketing.delivery.targets import id_type_of

LOOKED_AT = 1000
"""So many IDs, the first ones, tell whether the key is right."""


def said_by(rows: Sequence[Audience], id_type: str) -> set[str]:
    """In which forms the audiences say that they hold their IDs of a type: plain, aes."""
    return {
        item["encryption"] for row in rows for item in audiences.id_types(row) if item["id_type"] == id_type
    }


def is_encrypted(send_out: SendOut) -> bool:
    """As it was set, or else as the first audience says of itself."""
    if send_out.encrypted is not None:
        return send_out.encrypted
    if send_out.audience is None:
        return False
    return said_by([send_out.audience], id_type_of(send_out)) == {"aes"}


def problems(
    send_out: SendOut, wanted: Sequence[Audience], banned: Sequence[Audience]
) -> dict[str, list[str]]:
    """Audiences whose IDs cannot be compared, by field: a cipher text never equals a plain ID."""
    if send_out.encrypted is not None:
        return {}
    id_type = id_type_of(send_out)
    first = said_by(wanted[:1], id_type)
    found = {}
    for field, rows in (("audiences", wanted), ("exclude", banned)):
        others = [row.name for row in rows if said_by([row], id_type) != first]
        if others:
            found[field] = [
                _("These hold their IDs in another form (AES-encrypted or not) than “%(first)s”: %(names)s")
                % {"first": wanted[0].name, "names": ", ".join(others)}
            ]
    return found


def obstacles(send_out: SendOut) -> list[Conflict]:
    if not is_encrypted(send_out) or id_key.is_set(send_out.workspace):
        return []
    message = _("The IDs are AES-encrypted, and the organization has no key yet.")
    return [Conflict(message, code="id_key_missing")]


class Decryptor:
    """Turns cipher texts of one send-out into IDs."""

    def __init__(self, send_out: SendOut) -> None:
        self._key = id_key.of(send_out.workspace)
        if not self._key:
            raise obstacles(send_out)[0]

    def check(self, targets: Sequence[str | None]) -> None:
        """Raises Conflict where more than half of the first IDs cannot be decrypted."""
        first = [target for target in targets if target][:LOOKED_AT]
        failed = sum(self.read(target) is None for target in first)
        if failed * 2 > len(first):
            raise Conflict(
                _("Wrong key or not AES: %(failed)d of the first %(all)d IDs cannot be decrypted.")
                % {"failed": failed, "all": len(first)},
                code="wrong_id_key",
            )

    def read(self, cipher: str) -> str | None:
        return customer_ids.decrypt_id(cipher, self._key)


def encrypted_again(send_out: SendOut, target: str) -> str:
    """The cipher text of an ID, as the organization's warehouse writes it."""
    return customer_ids.encrypt_id(target, id_key.of(send_out.workspace))
