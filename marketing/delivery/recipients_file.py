"""The file of recipients that a platform fetches: a target a line, with the person's own values where it takes them.

Short parameters and what counts a person's clicks are made here, as the file is fetched: they are kept nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.cache import cache

from cdp.crypto.at_rest import decrypt_text, encrypt_text
from marketing.channels import capabilities
from marketing.delivery import contents, platform_tracking, tracking
from marketing.delivery.models import Recipient, SendBatch, SendOut
from marketing.links import parameters

KEEP_SECONDS = 3600


def keep_test(out_id: str, workspace: str, targets: Sequence[str], content: dict[str, Any]) -> None:
    """Remember a test send for as long as its platform may ask for the file."""
    kept = {
        "targets": [encrypt_text(target) for target in targets],
        "workspace": workspace,
        "texts": contents.texts(content),
    }
    cache.set(tracking.test_key(out_id), kept, KEEP_SECONDS)


def lines(out_id: str) -> list[str] | None:
    """The lines of a batch, or of a test; None where there is no such one.

    Batches need no Redis: a platform whose call names a file that it cannot fetch may refuse the whole batch for good.
    """
    batch = SendBatch.objects.select_related("send_out__provider").filter(pk=out_id).first()
    if batch is None:
        return _lines_of_test(out_id)
    send_out = batch.send_out
    message = contents.of_variant(send_out.content, batch.variant)
    keys = parameters.keys_of(send_out.workspace_id, *contents.texts(message))
    own = capabilities.of(send_out.provider).line_values
    rows = tracking.batch_rows(out_id).only("target", "values", "person_hash", "send_out_id")
    if message.get(platform_tracking.SETTING) and platform_tracking.counts(send_out):
        return list(_lines_with_addresses(send_out, rows))
    return [
        _line(row.target, {**(row.values if own else {}), **parameters.values(keys, row.target)})
        for row in rows
    ]


def _lines_with_addresses(send_out: SendOut, rows: Iterable[Recipient]) -> Iterator[str]:
    for row in rows:
        row.send_out = send_out
        yield _line(row.target, platform_tracking.values(row))


def _lines_of_test(out_id: str) -> list[str] | None:
    test = cache.get(tracking.test_key(out_id))
    if test is None:
        return None
    keys = parameters.keys_of(test["workspace"], *test["texts"])
    targets = map(decrypt_text, test["targets"])
    return [_line(target, parameters.values(keys, target)) for target in targets]


def _line(target: str, values: Mapping[str, str]) -> str:
    return f"{target},{json.dumps(values, ensure_ascii=False)}" if values else target
