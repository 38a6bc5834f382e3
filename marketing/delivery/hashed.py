"""Audiences that know their people by hashes of an ID: those who have a registered device are found by it.

In the ledger such a person has the keyed hash of the plain ID, as everywhere else, so that the do-not-contact list and
caps hold for them, and nobody is written to twice who is in another audience by the plain ID.
"""

from __future__ import annotations

from collections.abc import Iterable

from insight.audiences import gathering
from marketing.channels.base import provider_type
from marketing.channels.targets import target_hash
from marketing.delivery.models import SendOut
from marketing.devices import registry


def reaches(send_out: SendOut) -> bool:
    """Whether its channel writes to registered devices."""
    return provider_type(send_out.provider).to_devices


def digests(send_out: SendOut, crowd: gathering.Crowd, targets: Iterable[str]) -> dict[str, str]:
    """By normalised target: the keyed hash of its person."""
    found = {
        target: target_hash(send_out.workspace_id, send_out.channel, target)
        for target in dict.fromkeys(targets)
    }
    if crowd.form == "plain":
        return found
    owners = registry.owners(send_out.provider, crowd.id_type, crowd.form, found.values())
    return {target: owners.get(digest, digest) for target, digest in found.items()}
