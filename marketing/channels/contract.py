"""The HTTP contract that any SMS or e-mail platform can implement.

The platform answers JSON with `platformName`, `code`, `message` and `requestId`; success is HTTP 200 or 201 with one
of the configured success codes.
"""

from __future__ import annotations

import logging
from typing import Any

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels.base import ConfigField, ProviderError
from marketing.channels.exchange import exchange
from marketing.channels.models import Provider

log = logging.getLogger(__name__)
SUCCESS_CODES = ("OK", "200")


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
        ConfigField(
            "token",
            gettext_lazy("Bearer token"),
            kind="secret",
            help_text=gettext_lazy("Sent with each call, where the platform asks."),
        ),
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
    )


class ContractClient:
    """Calls of one provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.base = str(provider.config["base_url"]).rstrip("/")
        given = str(provider.config.get("success_codes") or "")
        self.success = {code.strip() for code in given.split(",") if code.strip()} or set(SUCCESS_CODES)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One call; returns the answer's JSON.

        Raises ProviderError: `retryable` when nothing can have been accepted, `uncertain` when it may have been.
        """
        url = self.base + path
        headers = (
            {"Authorization": f"Bearer {self.provider.config['token']}"}
            if self.provider.config.get("token")
            else {}
        )
        response = exchange(method, url, json=body, params=params, headers=headers)
        return self._read(response, changes=method.upper() == "POST")

    def _read(self, response: requests.Response, *, changes: bool) -> dict[str, Any]:
        if response.status_code >= 500:
            raise ProviderError(
                _("The platform answered with an error (%(status)d).") % {"status": response.status_code},
                code="provider_failed",
                retryable=True,
                uncertain=True,
            )
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ProviderError(
                _("The platform's answer is not JSON (HTTP %(status)d).") % {"status": response.status_code},
                code="provider_answer",
                uncertain=changes and response.status_code in (200, 201),
            )
        if response.status_code not in (200, 201) or str(answer.get("code")) not in self.success:
            raise ProviderError(
                _("The platform refused: %(message)s (code %(code)s)")
                % {"message": answer.get("message") or response.reason, "code": answer.get("code")},
                code="provider_refused",
                provider_code=str(answer.get("code")),
            )
        if answer.get("platformName") != self.provider.name:
            log.warning("Provider %s answers as %r.", self.provider.pk, answer.get("platformName"))
        return answer
