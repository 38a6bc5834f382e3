"""DirectMail of Alibaba Cloud: one call per mail, with the address and content of one person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.utils import parseaddr
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.channels.aliyun import rpc
from marketing.channels.base import (
    ConfigField,
    Message,
    Outcome,
    PersonalProviderType,
    PersonalSession,
    ProviderError,
    register_type,
)
from marketing.channels.models import Provider

VERSION = "2015-11-23"
PAGE = 50
MOST_PAGES = 20
LONGEST_ALIAS = 15
_OF_ADDRESS = ("InvalidToAddress", "InvalidReceiverName")
"""Refusals that concern one message alone."""
_HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post")
FROZEN = "1"


@register_type
class AliyunMailType(PersonalProviderType):
    """An account of DirectMail."""

    key = "aliyun"
    channel = "email"
    label = gettext_lazy("Alibaba Cloud DirectMail")
    id_type = "email"
    fields = (
        *rpc.key_fields(),
        ConfigField(
            "tag",
            gettext_lazy("Mail tag"),
            help_text=gettext_lazy(
                "A tag of the DirectMail console, under which it counts these mails. May be empty."
            ),
        ),
        rpc.address_field("base_url", gettext_lazy("Address of the interface"), "https://dm.aliyuncs.com"),
    )

    def test(self, provider: Provider) -> list[str]:
        answer = _call(provider, "QueryMailAddressByParam", PageNo=1, PageSize=1)
        count = answer.get("TotalCount") or 0
        return [_("Signed in. Sender addresses of the account: %(count)s.") % {"count": count}]

    def senders(self, provider: Provider, address: str = "") -> dict[str, bool]:
        found: dict[str, bool] = {}
        for page in range(1, MOST_PAGES + 1):
            answer = _call(provider, "QueryMailAddressByParam", PageNo=page, PageSize=PAGE, KeyWord=address)
            rows = (answer.get("data") or {}).get("mailAddress") or []
            for row in rows:
                if isinstance(row, dict) and row.get("AccountName"):
                    found[str(row["AccountName"]).strip()] = str(row.get("AccountStatus")) == FROZEN
            if len(rows) < PAGE:
                break
        return found

    @contextmanager
    def session(self, provider: Provider, sender: str, *, at_once: int = 1) -> Iterator[DirectMailSession]:
        yield DirectMailSession(provider)


class DirectMailSession(PersonalSession):
    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        for message in messages:
            try:
                outcome = self._send_one(message)
            except ProviderError as error:
                if error.uncertain:
                    yield Outcome(message.key, "unknown", detail=str(error))
                raise
            yield outcome

    def _send_one(self, message: Message) -> Outcome:
        name, address = parseaddr(message.headers.get("From", ""))
        headers = {key: message.headers[key] for key in _HEADERS if key in message.headers}
        try:
            answer = _call(
                self.provider,
                "SingleSendMail",
                changes=True,
                AccountName=address,
                AddressType=1,
                ReplyToAddress="false",
                FromAlias=name[:LONGEST_ALIAS],
                ToAddress=message.target,
                Subject=message.subject,
                HtmlBody=message.html,
                TextBody=message.text,
                TagName=self.provider.config.get("tag"),
                Headers=json.dumps(headers, ensure_ascii=False) if headers else "",
            )
        except ProviderError as error:
            code = str(error.extra.get("provider_code") or "")
            if not code.startswith(_OF_ADDRESS):
                raise
            return Outcome(message.key, "failed", code=code, detail=str(error))
        # The platform has taken responsibility, as a mail server does.
        return Outcome(
            message.key, "delivered", code="OK", provider_message_id=str(answer.get("EnvId") or "")
        )


def _call(provider: Provider, action: str, **given: Any) -> dict[str, Any]:
    return rpc.call(provider.config, str(provider.config["base_url"]), VERSION, action, **given)
