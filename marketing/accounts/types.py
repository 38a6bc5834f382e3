"""What every kind of account offers: how it is authorised, and what is fetched of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from cdp.core.registry import Registry
from marketing.channels.base import ConfigField


@dataclass(frozen=True)
class App:
    """An app of an account. `provider_type`: the type of push channel that writes to it."""

    key: str
    name: str
    provider_type: str


@dataclass(frozen=True)
class Authorised:
    """What a platform tells of an account that it lets us use. `remote_id` is the account's own name there."""

    remote_id: str
    apps: Sequence[App] = ()
    expires_at: datetime | None = None
    meta: dict[str, Any] = field(default_factory=dict)


class AccountType(ABC):
    """A platform on which somebody has an account. One instance serves all accounts of the type."""

    key: ClassVar[str]
    label: ClassVar[Any]
    hint: ClassVar[Any] = ""
    """What to know before it is authorised."""
    fields: ClassVar[Sequence[ConfigField]]
    """The form by which it is authorised; secrets are kept encrypted and never shown."""
    ask_point: ClassVar[str]
    """Whoever has this right may ask for an account; those who look after accounts decide."""
    always_asked: ClassVar[bool] = False
    """True: somebody else approves it also where the person looks after accounts."""

    @abstractmethod
    def authorise(self, config: Mapping[str, Any]) -> Authorised:
        """Ask the platform whether the values let us in, and what the account has.

        Raises ProviderError, `denied` where it does not let us in.
        """


_types: Registry[AccountType] = Registry("account type")


def register(cls: type[AccountType]) -> type[AccountType]:
    _types.add(cls.key, cls())
    return cls


def all_types() -> list[AccountType]:
    return list(_types)


def find(key: str) -> AccountType | None:
    return _types.get(key)


def type_of(key: str) -> AccountType:
    return _types[key]
