"""What every connector offers to the delivery pipeline, and the errors it may raise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

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
    """Of a push message: `payload`, `ttl` in seconds, `topic`."""


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
    after sending), so it must not simply be repeated.
    """

    status = 502
    code = "provider_error"
    title = _("The provider did not accept the call")

    def __init__(self, detail: object = "", *, uncertain: bool = False, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.uncertain = uncertain


@dataclass(frozen=True)
class ConfigField:
    """A setting of a provider type, as its form shows it."""

    name: str
    label: Any
    kind: Literal["text", "number", "secret", "key", "choice", "flag", "url", "domain"] = "text"
    """`key` is a secret of several lines."""
    required: bool = False
    default: Any = ""
    help_text: Any = ""
    choices: Sequence[tuple[str, Any]] = ()
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

    def test(self, provider: Provider) -> list[str]:
        """Harmless calls that show whether the settings work; returns what was seen, or raises ProviderError."""
        raise NotImplementedError


class PersonalProviderType(ProviderType):
    """Hands over message by message."""

    personal = True

    @abstractmethod
    def session(self, provider: Provider, sender: str) -> AbstractContextManager[PersonalSession]:
        """An open connection for many messages. Raises ProviderError where it cannot be had."""


class PersonalSession(ABC):
    @abstractmethod
    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Hand the messages over one after another; an outcome follows each at once.

        Raises ProviderError when the connection is lost: the message under way is then uncertain, later ones untouched.
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

    counts: ClassVar[bool] = False
    """True: the platform counts (`figures`) until time is up, and a recipient without a report has not failed."""

    def figures(self, provider: Provider, biz_id: str) -> Figures:
        """What the platform has counted of a batch so far. Raises ProviderError."""
        raise NotImplementedError


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
