"""What every connector offers to the delivery pipeline, and the errors it may raise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from django.utils.translation import gettext_lazy as _

from cdp.core.errors import DomainError
from cdp.core.registry import Registry
from marketing.channels.models import Provider

OutcomeState = Literal["handed", "delivered", "failed", "unknown"]


@dataclass(frozen=True)
class Message:
    """One message, rendered, for one person. `key` is the recipient row's number, the same on every attempt."""

    key: int
    target: str
    subject: str = ""
    html: str = ""
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    return_path: str = ""
    """Where servers report what they cannot deliver, if that is another address than the sender's."""
    payload: dict[str, Any] = field(default_factory=dict)
    push: dict[str, Any] = field(default_factory=dict)
    """Of a push message: `payload` (texts, link, where to report), `options` of the template, `ttl` in s, `topic`."""
    person_hash: str = ""
    """The keyed hash that its person is known by in the ledger; empty in a test, which is of nobody."""


@dataclass(frozen=True)
class Outcome:
    """What became of one message at hand-over. `handed` waits for a receipt; the other states are final for now."""

    key: int
    state: OutcomeState
    code: str = ""
    detail: str = ""
    provider_message_id: str = ""


@dataclass(frozen=True)
class BatchReceipt:
    """A report about one recipient of a batch, as the platform gave it (target normalised)."""

    target: str
    state: Literal["delivered", "failed"]
    code: str = ""
    detail: str = ""
    at: datetime | None = None
    cause: Literal["", "gone", "spam"] = ""
    """Why it failed, where that says something of the address: there is no such one, or its owner reports spam."""


@dataclass(frozen=True)
class BulkRequest:
    """One call for many recipients with the same content. `out_id` makes repeating it safe.

    The platform fetches the recipients from `recipients_url`, or is handed `targets`; it may report at `reports_url`.
    """

    out_id: str
    recipients_url: str
    size: int
    content: dict[str, Any]
    targets: Callable[[], Sequence[str]] = tuple
    lines: Callable[[], Sequence[str]] = tuple
    """The file's lines: a target, or a target, a comma and the person's own values as a JSON object."""
    reports_url: str = ""


@dataclass(frozen=True)
class Figures:
    """How many devices of a batch a platform counts, from the beginning until now. `failure`: why it sent nothing."""

    planned: int
    sent: int
    opened: int
    ignored: int
    failure: str = ""


class ProviderError(DomainError):
    """A provider refused or could not be reached.

    `retryable`: nothing was accepted, another try may help. `uncertain`: the request may have been accepted (time-out
    after sending), so it must not simply be repeated. `denied`: it lets nobody in with these settings.
    """

    status = 502
    code = "provider_error"
    title = _("The provider did not accept the call")

    def __init__(
        self,
        detail: object = "",
        *,
        uncertain: bool = False,
        denied: bool = False,
        wait_seconds: float = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(detail, **kwargs)
        self.uncertain, self.denied = uncertain, denied
        self.wait_seconds = wait_seconds
        """How long the provider asks to be left alone; 0 where it says nothing."""


@dataclass(frozen=True)
class ConfigField:
    """A setting of a provider type, as its form shows it."""

    name: str
    label: Any
    kind: Literal["text", "number", "secret", "key", "choice", "flag", "url", "domain", "source"] = "text"
    """`key` is a secret of several lines; `source` a data source of the organization."""
    required: bool = False
    default: Any = ""
    help_text: Any = ""
    choices: Sequence[tuple[str, Any]] = ()
    ending: bool = False
    """The last four characters of a secret are shown, so that one key can be told from another."""
    group: Any = ""
    """Fields of one group stand together, folded away until somebody wants them."""


class ProviderType(ABC):
    """A kind of provider: how it is configured and spoken to. One instance serves all providers of the type."""

    key: ClassVar[str]
    channel: ClassVar[str]
    label: ClassVar[Any]
    id_type: ClassVar[str]
    fields: ClassVar[Sequence[ConfigField]]
    personal: ClassVar[bool]
    """True: each message is handed over by itself (`session`); False: in bulk by file (`send_bulk`)."""
    to_devices: ClassVar[bool] = False
    """True: it writes to the devices that people have registered, and to nobody without one."""
    shareable: ClassVar[bool] = True
    """Whether an organization can have it for several workspaces; not what belongs to one site or system."""
    devices: ClassVar[Literal["", "web", "android", "ios"]] = ""
    """Of the push channel: the kind of devices that it writes to."""
    setup_url_name: ClassVar[str] = ""
    """The page on which the channel is built into a site; empty where there is none."""

    def of(self, provider: Provider) -> ProviderType:
        """The type as it is for one provider: some write to an ID that is chosen for each."""
        return self

    def completed(self, config: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
        """Checked settings with those that are made here, and that no form shows. Raises ValidationFailed."""
        return config

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        """What is wrong with settings that are right one by one, by the name of the setting."""
        return {}

    def tells_received(self, provider: Provider) -> bool:
        """Of the push channel: whether devices say that they have a message. Those of iOS never do."""
        return bool(provider.config.get("receipts")) and self.devices != "ios"

    def test(self, provider: Provider) -> list[str]:
        """Harmless calls that show whether the settings work; returns what was seen, or raises ProviderError."""
        raise NotImplementedError


class PersonalProviderType(ProviderType):
    """Hands over message by message."""

    personal = True

    @abstractmethod
    def session(
        self, provider: Provider, sender: str, *, at_once: int = 1
    ) -> AbstractContextManager[PersonalSession]:
        """An open connection for many messages, of which `at_once` are handed to it together.

        Raises ProviderError where it cannot be had.
        """


class PersonalSession(ABC):
    @abstractmethod
    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Hand the messages over; their outcomes follow in any order.

        Raises ProviderError when the connection is lost, after all outcomes: what may have been taken has the outcome
        `unknown`, and messages without one are untouched.
        """


class BulkProviderType(ProviderType):
    """Hands over whole batches by a recipients file, and is asked for receipts later."""

    personal = False

    @abstractmethod
    def send_bulk(self, provider: Provider, request: BulkRequest) -> str:
        """Hand a batch over; returns the provider's receipt number. Raises ProviderError."""

    @abstractmethod
    def receipts(self, provider: Provider, out_id: str, since: datetime) -> Iterator[BatchReceipt]:
        """All reports of a batch so far. Nothing means that the provider knows nothing (yet)."""

    def largest_batch(self, provider: Provider) -> int:
        """So many recipients one call takes."""
        return 1_000_000

    counts: ClassVar[bool] = False
    """True: the platform counts (`figures`) until time is up, and a recipient without a report has not failed."""

    def figures(self, provider: Provider, biz_id: str) -> Figures:
        """What the platform has counted of a batch so far. Raises ProviderError."""
        raise NotImplementedError


@runtime_checkable
class Queueing(Protocol):
    """A provider type whose platform puts reports and replies into queues, from which they are fetched.

    Each page is removed from the queue when the next one is asked for; one whose reader fails comes again.
    """

    def reports(self, provider: Provider) -> Iterator[list[tuple[str, BatchReceipt]]]:
        """Reports with the numbers (`out_id`) of their batches. Raises ProviderError."""

    def uplink(self, provider: Provider) -> Iterator[list[dict[str, Any]]]:
        """Replies as the contract words them: messageId, phoneNum, content, … Raises ProviderError."""


_types: Registry[ProviderType] = Registry("provider type")


def register_type(cls: type[ProviderType]) -> type[ProviderType]:
    _types.add(f"{cls.channel}:{cls.key}", cls())
    return cls


def provider_type(provider: Provider) -> ProviderType:
    return _types[f"{provider.channel}:{provider.type}"].of(provider)


def types_of(channel: str) -> list[ProviderType]:
    return [item for item in _types if item.channel == channel]


def find_type(channel: str, key: str) -> ProviderType | None:
    return _types.get(f"{channel}:{key}")
