"""The HTTP contract that any SMS or e-mail platform can implement.

The platform answers JSON with `platformName`, `code`, `message` and `requestId`; success is HTTP 200 or 201 with one
of the configured success codes.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote, urlencode

import requests
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.texts import storable
from marketing.channels import calls, contract_auth
from marketing.channels.base import BatchReceipt, ConfigField, ProviderError
from marketing.channels.exchange import CONNECT_SECONDS, READ_SECONDS, exchange, read_json
from marketing.channels.models import Provider

log = logging.getLogger(__name__)
SUCCESS_CODES = ("OK", "200")
PAGE_SIZE = 1000
WINDOW = timedelta(days=30)
"""The longest period that one question for reports may name."""
LONGEST_WAIT = 120
REVIEW_STATES = {0: "reviewing", 1: "approved", 2: "rejected"}
MISCONFIGURED = (401, 403, 404)
"""Answers that no repetition changes: token, rights or address need another value."""


@dataclass(frozen=True)
class Verdict:
    """A review's state (reviewing, approved, rejected) and its reason.

    Of a digital SMS also each carrier's state by its code, and until when it may be sent.
    """

    state: str
    reason: str = ""
    carriers: dict[str, str] = field(default_factory=dict)
    valid_until: datetime | None = None


@runtime_checkable
class Reviewing(Protocol):
    """A provider type whose platform reviews templates."""

    def reviews(self, provider: Provider) -> bool:
        """Whether this provider's templates need a review."""

    def submit(self, provider: Provider, template: Any, code: str = "") -> str:
        """Send a template in, or the one with this code again; returns the platform's code. Raises ProviderError."""

    def template_state(self, provider: Provider, template: Any, code: str) -> Verdict:
        """What the platform says of the template with this code. Raises ProviderError."""


@dataclass(frozen=True)
class SignatureRequest:
    """A signature for review: `source` as the contract numbers it, `proofs` as pairs of file type and Base64."""

    text: str
    source: str
    note: str
    proofs: Sequence[tuple[str, str]]


@runtime_checkable
class ReviewingSignatures(Protocol):
    """A provider type whose platform reviews signatures of SMS."""

    def signature_state(self, provider: Provider, text: str) -> tuple[str, str]:
        """Review state of a signature and the reviewer's reason. Raises ProviderError."""

    def submit_signature(self, provider: Provider, request: SignatureRequest, *, again: bool = False) -> None:
        """Send a new signature in for review, or a rejected one once more. Raises ProviderError."""


@runtime_checkable
class KnowingSenders(Protocol):
    """A provider type whose platform knows which addresses mail may come from."""

    def senders(self, provider: Provider, address: str = "") -> dict[str, bool]:
        """Addresses and whether each is frozen: the given one, or all that it tells of. Raises ProviderError."""


def contract_fields() -> tuple[ConfigField, ...]:
    """Settings of every platform by contract."""
    return (
        ConfigField(
            "base_url",
            gettext_lazy("Address of the interface"),
            kind="url",
            required=True,
            help_text=gettext_lazy("Starts with http:// or https://; the contract's paths are added to it."),
        ),
        *contract_auth.fields(),
        ConfigField(
            "success_codes",
            gettext_lazy("Codes that mean success"),
            default=",".join(SUCCESS_CODES),
            help_text=gettext_lazy("Comma-separated."),
        ),
        ConfigField(
            "idempotent",
            gettext_lazy("The platform recognises a repeated outId"),
            kind="flag",
            default=False,
            help_text=gettext_lazy(
                "Then a call without an answer is repeated safely; otherwise it waits for a report."
            ),
        ),
        ConfigField(
            "timeout_seconds",
            gettext_lazy("Seconds to wait for an answer"),
            kind="number",
            default=READ_SECONDS,
            help_text=gettext_lazy("At most %(most)d.") % {"most": LONGEST_WAIT},
        ),
    )


def config_problems(config: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the settings that all platforms by contract have, by name."""
    found = contract_auth.problems(config)
    if (wait := str(config.get("timeout_seconds") or "")).isdecimal() and int(wait) > LONGEST_WAIT:
        found["timeout_seconds"] = _("At most %(most)d.") % {"most": LONGEST_WAIT}
    return found


class ContractClient:
    """Calls of one provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.base = str(provider.config["base_url"]).rstrip("/")
        given = str(provider.config.get("success_codes") or "")
        wait = str(provider.config.get("timeout_seconds") or "")
        self.wait = int(wait) if wait.isdecimal() else READ_SECONDS
        self.success = {code.strip() for code in given.split(",") if code.strip()} or set(SUCCESS_CODES)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One call; returns the answer's JSON.

        Raises ProviderError: `retryable` when nothing can have been accepted, `uncertain` when it may have been.
        """
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers, query = contract_auth.signed(self.provider.config, data)
        headers["Content-Type"] = "application/json; charset=utf-8"
        made: dict[str, Any] = {"method": method.upper(), "path": _shown_path(path, params)}
        begun = time.monotonic()
        try:
            response = exchange(
                method,
                self.base + path,
                data=data,
                params={**(params or {}), **query},
                headers=headers,
                timeout=(CONNECT_SECONDS, self.wait),
            )
            made |= {"status": response.status_code, "answer": _shown(response)}
            answer = self._read(response, changes=method.upper() == "POST")
        except ProviderError as error:
            code = str(error.extra.get("provider_code") or error.code)
            made |= {"code": storable(code, 64), "detail": storable(calls.text_of(str(error)), 500)}
            raise
        else:
            made |= {"ok": True, "code": storable(answer.get("code") or "", 64)}
            return answer
        finally:
            spent = int((time.monotonic() - begun) * 1000)
            calls.note(self.provider, **made, request=calls.as_text(body), milliseconds=spent)

    def details(self, path: str, out_id: str, since: datetime) -> Iterator[dict[str, Any]]:
        """All reports of a batch that was handed over at `since`, in pages. Raises ProviderError."""
        end = timezone.now() + timedelta(minutes=1)
        start = since - timedelta(minutes=5)
        while start < end:
            until = min(start + WINDOW, end)
            yield from self._pages(
                path, {"outId": out_id, "startDate": _minute(start), "endDate": _minute(until)}
            )
            start = until

    def receipts(
        self,
        path: str,
        out_id: str,
        since: datetime,
        read: Callable[[dict[str, Any]], BatchReceipt | None],
    ) -> Iterator[BatchReceipt]:
        """The reports of a batch that `read` understands. Raises ProviderError."""
        return (found for row in self.details(path, out_id, since) if (found := read(row)) is not None)

    def _pages(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        page, seen = 1, 0
        while True:
            answer = self.call("POST", path, {**body, "pageSize": PAGE_SIZE, "currentPage": page})
            rows = answer.get("sendDetailDTOs") or []
            yield from rows
            seen += len(rows)
            if not rows or seen >= int(answer.get("totalCount") or 0):
                return
            page += 1

    def _read(self, response: requests.Response, *, changes: bool) -> dict[str, Any]:
        answer = read_json(response, uncertain=changes and response.status_code in (200, 201))
        if response.status_code in MISCONFIGURED:
            raise ProviderError(
                _(
                    "The platform refuses the call (%(status)d): %(message)s. Check its address, token and names."
                )
                % {"status": response.status_code, "message": answer.get("message") or response.reason},
                code="provider_misconfigured",
                denied=response.status_code != 404,
                provider_status=response.status_code,
                provider_code=str(answer.get("code")),
            )
        if response.status_code not in (200, 201) or str(answer.get("code")) not in self.success:
            raise ProviderError(
                _("The platform refused: %(message)s (code %(code)s)")
                % {"message": answer.get("message") or response.reason, "code": answer.get("code")},
                code="provider_refused",
                provider_code=str(answer.get("code")),
            )
        if answer.get("platformName") != self.provider.name:
            _note_name(self.provider.pk, str(answer.get("platformName")))
        return answer


@lru_cache(maxsize=1000)
def _note_name(provider_id: str, name: str) -> None:
    """Log, once for each, that a provider calls itself by another name."""
    log.warning("Provider %s answers as %r.", provider_id, name)


def _shown_path(path: str, params: dict[str, Any] | None) -> str:
    query = f"?{urlencode(params)}" if params else ""
    return storable(calls.text_of(unquote(path + query)), 300)


def _shown(response: requests.Response) -> str:
    """The answer for the log; of one that is no JSON its beginning."""
    try:
        return calls.as_text(response.json())
    except ValueError:
        return storable(calls.text_of(response.text[:500]))


def review_state(answer: dict[str, Any], field: str) -> tuple[str, str]:
    """State (reviewing, approved, rejected) and reason of a review; numbers that are not known are still open."""
    try:
        number = int(answer.get(field) or 0)
    except (TypeError, ValueError):
        number = 0
    return REVIEW_STATES.get(number, "reviewing"), storable(answer.get("reason") or "", 500)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def parse_time(value: object) -> datetime | None:
    """A platform's time: ten-digit seconds, or `yyyy-MM-dd HH:mm:ss` taken as UTC; None where it is neither."""
    text = str(value or "").strip()
    if text.isdigit() and len(text) == 10:
        return datetime.fromtimestamp(int(text), UTC)
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
