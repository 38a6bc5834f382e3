"""Signed calls in the RPC style of Alibaba Cloud's interfaces (signature version 1.0, HMAC-SHA1)."""

from __future__ import annotations

import base64
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels.base import ConfigField, ProviderError
from marketing.channels.exchange import exchange, read_json

_DENIED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "IncompleteSignature", "isp.RAM")
_BUSY = ("Throttling", "ServiceUnavailable", "isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE")
"""Refusals that end by themselves, or once the account is topped up: nothing was accepted."""
_BROKEN = ("InternalError", "isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR")
"""The platform's own failures: the call may have been accepted."""
ADDRESSES = gettext_lazy("Addresses of the platform")


def key_fields() -> tuple[ConfigField, ...]:
    """The account's keys, which every call is signed with."""
    return (
        ConfigField("access_key_id", gettext_lazy("AccessKey ID"), kind="secret", required=True, ending=True),
        ConfigField(
            "access_key_secret", gettext_lazy("AccessKey secret"), kind="secret", required=True, ending=True
        ),
    )


def address_field(name: str, label: Any, default: str) -> ConfigField:
    return ConfigField(name, label, kind="url", required=True, default=default, group=ADDRESSES)


def signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """The signature of a call with these parameters, as Base64."""
    query = "&".join(f"{_encoded(name)}={_encoded(parameters[name])}" for name in sorted(parameters))
    text = f"{method}&{_encoded('/')}&{_encoded(query)}"
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), text.encode(), "sha1")).decode()


def call(
    config: Mapping[str, Any], address: str, version: str, action: str, *, changes: bool = False, **given: Any
) -> dict[str, Any]:
    """One call; returns the answer's JSON. `changes`: a call without an answer may have been carried out.

    Raises ProviderError: `denied` for wrong keys, `retryable` where another try may help, `provider_code` is the
    platform's own code.
    """
    parameters = {
        "AccessKeyId": str(config["access_key_id"]),
        "Action": action,
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": uuid.uuid4().hex,
        "SignatureVersion": "1.0",
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": version,
        **{name: str(value) for name, value in given.items() if value not in (None, "")},
    }
    parameters["Signature"] = signature("POST", parameters, str(config["access_key_secret"]))
    try:
        response = exchange("POST", address.rstrip("/") + "/", data=parameters)
        answer = read_json(response, uncertain=changes and response.status_code == 200)
    except ProviderError as error:
        error.uncertain = error.uncertain and changes
        raise
    code = str(answer.get("Code") or ("OK" if response.status_code == 200 else response.status_code))
    if response.status_code != 200 or code != "OK":
        raise refused(code, str(answer.get("Message") or response.reason), changes=changes)
    return answer


def refused(code: str, message: str, *, changes: bool) -> ProviderError:
    denied, broken = code.startswith(_DENIED), code.startswith(_BROKEN)
    return ProviderError(
        _("The platform refused: %(message)s (code %(code)s)") % {"message": message, "code": code},
        code="provider_misconfigured" if denied else "provider_failed" if broken else "provider_refused",
        denied=denied,
        retryable=broken or code.startswith(_BUSY),
        uncertain=broken and changes,
        provider_code=code,
    )


def _encoded(text: str) -> str:
    return quote(str(text), safe="-_.~")
