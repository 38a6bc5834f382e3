"""The file of recipients that a batch names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from marketing.sandbox.answers import Refusal

MOST_BYTES = 64 * 1024**2
_SECONDS = (5, 60)


def fetch(url: str, *, limit: int | None) -> list[tuple[str, str | None]]:
    """Recipients with their own values (a JSON object as text) or None, at most `limit`. Raises Refusal."""
    found: list[tuple[str, str | None]] = []
    for number, line in enumerate(_download(url).splitlines(), 1):
        if limit is not None and len(found) >= limit:
            break
        if line.strip():
            found.append(_parse(line.strip(), number))
    if not found:
        raise Refusal("EmptyRecipients", "The file of recipients is empty.")
    return found


def _download(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refusal("InvalidParameter", "The address of the file must start with http:// or https://.")
    try:
        with requests.get(url, timeout=_SECONDS, stream=True) as response:
            if response.status_code != 200:
                raise Refusal(
                    "FileNotReadable", f"The file of recipients answers with {response.status_code}."
                )
            return b"".join(_limited(response)).decode("utf-8-sig")
    except requests.RequestException as error:
        raise Refusal("FileNotReadable", f"The file of recipients cannot be fetched: {error}") from error
    except UnicodeDecodeError as error:
        raise Refusal("FileNotReadable", "The file of recipients is not UTF-8.") from error


def _limited(response: requests.Response) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_content(1 << 16):
        size += len(piece)
        if size > MOST_BYTES:
            raise Refusal("FileNotReadable", f"The file of recipients is larger than {MOST_BYTES >> 20} MB.")
        yield piece


def _parse(line: str, number: int) -> tuple[str, str | None]:
    """`recipient`, or `recipient,{"variable":"value"}`."""
    recipient, comma, rest = line.partition(",")
    if not comma:
        return recipient, None
    try:
        values = json.loads(rest)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise Refusal("InvalidRecipientFile", f"Line {number} has no JSON object after the comma.")
    return recipient.strip(), rest.strip()
