"""Calling a customer's own system: one call per person or per list of people, several at once."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.core.texts import storable
from marketing.channels.base import (
    Message,
    Outcome,
    PersonalProviderType,
    PersonalSession,
    ProviderError,
    register_type,
)
from marketing.channels.exchange import exchange
from marketing.channels.models import Provider
from marketing.webhooks import protocol
from marketing.webhooks.models import Webhook, WebhookCall

TIMEOUT = (3, 10)
"""Seconds to connect, and to wait for an answer."""
ACCEPTED = "OK"
MOST_ANSWER = 4096
MOST_LOGGED = 20
"""Of a call for several people the log has so many."""
RETRY, UNCERTAIN = "retry", "uncertain"
EXAMPLES = {
    "one_id": "8812345678",
    "union_id": "oGk2YuP3x",
    "open_id": "o6_bmjrPTlm6",
    "mobile": "13800138000",
    "email": "me@example.com",
    "taobao_id": "2208812345678",
    "taobao_nick": "tb_ann",
    "alipay_id": "2088102178912345",
    "weibo_id": "1234567890",
    "imei": "866412030123456",
    "idfa": "6D92078A-8246-4BA4-AE5B-76104861E7DC",
    "imsi": "460001234567890",
    "oaid": "1fe9a970efbb9d50",
    "mac": "02:00:5E:10:00:01",
}
"""Of each ID type a value as one may look."""
_BY_TARGET_TYPE = {name: key for key, name in protocol.TARGET_TYPES.items()}


@register_type
class WebhookType(PersonalProviderType):
    """Its settings are those of the provider's webhook, made on pages of their own."""

    key = "webhook"
    channel = "custom"
    label = gettext_lazy("Webhook")
    id_type = "one_id"
    fields = ()

    @contextmanager
    def session(self, provider: Provider, sender: str, *, at_once: int = 1) -> Iterator[WebhookSession]:
        webhook = provider.webhook
        with ThreadPoolExecutor(webhook.concurrency, thread_name_prefix="webhook") as pool:
            yield WebhookSession(webhook, pool)


@dataclass(frozen=True)
class Rejection:
    """Why an accepted call for several people was refused for one of them."""

    code: str
    detail: str


@dataclass
class Answer:
    """What came of one try. `again`: RETRY where the system has not taken it, UNCERTAIN where nobody knows.

    `rejected`: by target, whom an accepted call for several people was refused for.
    """

    call: WebhookCall
    code: str = ""
    request_id: str = ""
    again: str = ""
    rejected: dict[str, Rejection] = field(default_factory=dict)


class WebhookSession(PersonalSession):
    """Outcomes come as answers do, in any order.

    What may be tried again has the state unknown and the code RETRY, or UNCERTAIN where it may have been taken.
    """

    def __init__(self, webhook: Webhook, pool: ThreadPoolExecutor) -> None:
        self.webhook = webhook
        self.pool = pool
        self.calls: list[WebhookCall] = []
        self.attempts: dict[int, int] = {}
        self.failures = 0
        """So many calls in a row were not answered, or only by an error of the system itself."""

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        language, size = translation.get_language(), self.webhook.batch_size

        def one(group: Sequence[Message]) -> Answer:
            # Threads begin without the language of the job.
            with translation.override(language):
                bodies = [message.payload for message in group]
                return call(self.webhook, bodies, [message.headers["Idempotency-Key"] for message in group])

        groups = [messages[start : start + size] for start in range(0, len(messages), size)]
        running = {self.pool.submit(one, group): group for group in groups}
        for done in as_completed(running):
            yield from self._outcomes(running[done], done.result())

    def take_calls(self) -> list[WebhookCall]:
        """The calls made since the last time, not saved yet."""
        taken, self.calls = self.calls, []
        return taken

    def _outcomes(self, group: Sequence[Message], answer: Answer) -> Iterator[Outcome]:
        made, keys = answer.call, [message.key for message in group]
        for key in keys:
            self.attempts[key] = self.attempts.get(key, 0) + 1
        made.attempt = max(self.attempts[key] for key in keys)
        made.recipient = keys[0]
        made.recipients = keys if self.webhook.batch_size > 1 else []
        self.calls.append(made)
        self.failures = self.failures + 1 if answer.again else 0
        for message in group:
            yield self._outcome(message, answer)

    def _outcome(self, message: Message, answer: Answer) -> Outcome:
        made, key = answer.call, message.key
        if made.ok and (rejection := answer.rejected.get(message.target)):
            return Outcome(key, "failed", code=rejection.code, detail=rejection.detail)
        if made.ok:
            return Outcome(key, "handed", provider_message_id=answer.request_id)
        # With the same key a system that knows it does nothing twice, whatever became of the first call.
        if answer.again == RETRY or (answer.again == UNCERTAIN and self.webhook.idempotent):
            return Outcome(key, "unknown", code=answer.again, detail=made.detail)
        if answer.again == UNCERTAIN:
            return Outcome(key, "unknown", detail=made.detail)
        return Outcome(key, "failed", code=answer.code, detail=made.detail)


def call_once(webhook: Webhook, content: dict[str, Any], *, key: str) -> WebhookCall:
    """A call outside of any send-out, for one person; it is not saved."""
    answer = call(webhook, [content], [key])
    for rejection in answer.rejected.values():
        answer.call.ok, answer.call.detail = False, rejection.detail
    return answer.call


def as_sent(
    webhook: Webhook, bodies: Sequence[dict[str, Any]], keys: Sequence[str]
) -> dict[str, Any] | list[dict[str, Any]]:
    """What the webhook is sent for these people, of whom there is one unless it takes lists."""
    return protocol.batch(bodies, keys) if webhook.batch_size > 1 else bodies[0]


def call(webhook: Webhook, bodies: Sequence[dict[str, Any]], keys: Sequence[str]) -> Answer:
    """One try with a time and nonce of its own. What goes wrong is in the answer; nothing is raised for it.

    A webhook that takes lists gets one, also of one person; each of them carries a key.
    """
    batched = webhook.batch_size > 1
    content = as_sent(webhook, bodies, keys)
    data = protocol.as_bytes(content)
    stamp, nonce = str(int(time.time())), protocol.new_nonce()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": protocol.batch_key(keys) if batched else keys[0],
        webhook.signature_header: protocol.signature(webhook.key, stamp, nonce),
    }
    if webhook.key:
        headers[protocol.BODY_SIGNATURE] = protocol.body_signature(webhook.key, stamp, nonce, data)
    url = _with_query(webhook.url, timestamp=stamp, nonce=nonce)
    made = WebhookCall(
        workspace_id=webhook.workspace_id,
        webhook=webhook,
        task=str(bodies[0]["callback_params"]["task_id"]),
        url=url,
        body=_logged(content),
    )
    begun = time.monotonic()
    try:
        response = exchange("POST", url, data=data, headers=headers, timeout=TIMEOUT)
    except (ProviderError, ValidationFailed) as error:
        answer = Answer(made, code=error.code)
        made.detail = str(error)[:500]
        if isinstance(error, ProviderError) and error.retryable:
            answer.again = UNCERTAIN if error.uncertain else RETRY
        elif error.code == "host_unknown":
            answer.again = RETRY
    else:
        answer = _read(made, response.status_code, response.text)
        if batched and made.ok:
            _read_rejected(
                answer, response.text, {content["user_profile"]["target_id"] for content in bodies}
            )
    made.milliseconds = int((time.monotonic() - begun) * 1000)
    return answer


def _read(made: WebhookCall, status: int, text: str) -> Answer:
    made.status, made.answer = status, storable(text, MOST_ANSWER)
    answer = Answer(made, code=f"http_{status}")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and found.get("code"):
        answer.request_id = storable(found.get("requestId") or "", 200)
        answer.code = storable(found["code"], 64)
    if status == 429 or status >= 500:
        answer.again = RETRY
        made.detail = _("It answered with the status %(status)d.") % {"status": status}
    elif 200 <= status < 300 and isinstance(found, dict) and found.get("code") == ACCEPTED:
        made.ok = True
    elif isinstance(found, dict) and found.get("code"):
        made.detail = storable(found.get("message") or "", 400) or _(
            "It answered with the code %(code)s."
        ) % {"code": answer.code}
    else:
        made.detail = _("Its answer has no code (HTTP %(status)d).") % {"status": status}
    return answer


def _read_rejected(answer: Answer, text: str, targets: Collection[str]) -> None:
    """Whom the answer to a list says it was refused for: `rejected`, each with target_id, code and message."""
    rows = json.loads(text).get("rejected") or []
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    for row in rows:
        target, code = str(row.get("target_id") or ""), storable(row.get("code") or "REJECTED", 64)
        if target in targets:
            detail = storable(row.get("message") or "", 400)
            answer.rejected[target] = Rejection(
                code, detail or _("It answered with the code %(code)s.") % {"code": code}
            )
    if answer.rejected:
        answer.call.detail = _("Of %(people)d people it refused %(number)d.") % {
            "people": len(targets),
            "number": len(answer.rejected),
        }


def _with_query(url: str, **more: str) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *more.items()]
    return urlunsplit(parts._replace(query=urlencode(query), fragment=""))


def _logged(content: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """The body for the log: who it is for can be recognised, and no more."""
    if isinstance(content, Mapping):
        return _shown(_masked(content))
    text = _shown([_masked(item) for item in content[:MOST_LOGGED]])
    rest = len(content) - MOST_LOGGED
    return f"{text}\n{_('… and %(number)d more') % {'number': rest}}" if rest > 0 else text


def _masked(content: Mapping[str, Any]) -> dict[str, Any]:
    profile = content["user_profile"]
    id_type = ID_TYPES[_BY_TARGET_TYPE[profile["target_type"]]]
    return {**content, "user_profile": {**profile, "target_id": id_type.mask(str(profile["target_id"]))}}


def _shown(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2)


def as_log(made: WebhookCall) -> str:
    """A call as a text file."""
    lines = [
        f"{made.at.isoformat(timespec='milliseconds')} POST {made.url}",
        _("Attempt %(number)d, %(milliseconds)d ms")
        % {"number": made.attempt, "milliseconds": made.milliseconds},
        "",
        made.body,
        "",
        f"HTTP {made.status}" if made.status else _("No answer"),
        made.answer,
        "",
        _("Accepted") if made.ok else made.detail,
    ]
    return "\n".join(lines) + "\n"
