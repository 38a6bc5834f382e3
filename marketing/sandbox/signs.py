"""Signatures that are sent in for review, with what proves the right to them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from marketing.sandbox import fields
from marketing.sandbox.answers import Refusal, Request, body
from marketing.sandbox.store import Store

_STARTS = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "pdf": b"%PDF-"}
_MOST_FILES, _MOST_BYTES = 3, 2 * 1024**2


class Signs:
    """Kept beside the templates, under the name."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, request: Request) -> tuple[int, dict[str, Any]]:
        given = _read(body(request))
        if self.store.template("sign", given["signName"]):
            raise Refusal("SignatureExists", f"There is a signature {given['signName']} already.")
        return self._keep(given)

    def change(self, request: Request, name: str) -> tuple[int, dict[str, Any]]:
        if self.store.template("sign", name) is None:
            raise Refusal("SignatureNotFound", f"There is no signature {name}.", status=404)
        return self._keep({**_read({**_object(body(request)), "signName": name})})

    def _keep(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.store.save_template("sign", given, given["signName"])
        return 201, {"signName": given["signName"]}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal("InvalidParameter", "The body must be a JSON object.")
    return value


def _read(value: Any) -> dict[str, Any]:
    given = fields.read(value, fields.SIGN)
    files = value.get("signFileList")
    if not isinstance(files, list) or not 1 <= len(files) <= _MOST_FILES:
        raise fields.invalid("signFileList", f"must hold 1-{_MOST_FILES} files")
    for file in files:
        _check(_object(file))
    return {**given, "files": len(files)}


def _check(file: dict[str, Any]) -> None:
    start = _STARTS.get(str(file.get("fileSuffix")))
    try:
        content = base64.b64decode(str(file.get("fileContents")), validate=True)
    except binascii.Error:
        raise fields.invalid("fileContents", "must be Base64") from None
    if start is None or not content.startswith(start):
        raise fields.invalid("fileSuffix", "must be png, jpg or pdf, as the file is")
    if len(content) > _MOST_BYTES:
        raise fields.invalid("fileContents", "must have at most 2 MB")
