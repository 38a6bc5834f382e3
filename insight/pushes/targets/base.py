"""What systems outside have in common: their settings, what they accept, and how members are written to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from cdp.core.errors import DomainError
from cdp.core.registry import Registry

BATCH = 10_000
"""Users that are read, and handed to a writer, at once."""
CYCLES = ("hour", "day", "week", "month")
PLAIN = ("none", "md5", "sha256")
"""Forms in which an ID that is stored in the clear can be sent."""


class PushError(DomainError):
    """The other side refused or could not be reached."""

    status = 502
    code = "push_failed"


@dataclass(frozen=True)
class ConfigField:
    """A setting of a kind of system, as its form shows it."""

    name: str
    label: Any
    kind: Literal["text", "number", "secret", "choice", "url", "long_secret"] = "text"
    required: bool = False
    default: Any = ""
    help_text: Any = ""
    choices: Sequence[tuple[str, Any]] = ()


@dataclass(frozen=True)
class Head:
    """What every record of a push says of it. `columns` are the names of the fields, in order.

    `kind` is what is pushed, an audience or a model; `schema` names the form of the records.
    """

    push_id: str
    source_id: str
    name: str
    version: int
    time: datetime
    columns: Sequence[str]
    options: Mapping[str, Any]
    kind: str = "audience"
    schema: str = "audience.v1"

    def as_json(self) -> dict[str, Any]:
        return {
            "push_id": self.push_id,
            f"{self.kind}_id": self.source_id,
            f"{self.kind}_name": self.name,
            "version": self.version,
            "time": self.time.isoformat(),
        }


@dataclass(frozen=True)
class Row:
    """One user: the identifier, and the fields by their names; None where there is no value."""

    key: str
    fields: dict[str, Any]


class Writer:
    """An open way to the other side. `write` and `finish` raise PushError; `abort` leaves nothing half done."""

    def write(self, rows: Sequence[Row]) -> None:
        raise NotImplementedError

    def finish(self, users: int, ids: int) -> str:
        """Everything has been written; the answer is a word for the history, such as the name of a file."""
        raise NotImplementedError

    def abort(self) -> None:
        """Called once instead of `finish` when something went wrong."""


class Target:
    """A kind of system. One instance serves all interfaces of the kind."""

    key: ClassVar[str]
    label: ClassVar[Any]
    icon: ClassVar[str]
    fields: ClassVar[Sequence[ConfigField]] = ()
    id_types: ClassVar[frozenset[str] | None] = None
    """The ID types that it takes; None for all."""
    aes: ClassVar[bool] = True
    """Whether IDs that are stored encrypted by AES may go there."""
    tags: ClassVar[bool] = True
    """Whether tags go along."""
    models: ClassVar[bool] = True
    """Whether AIPL models go there, with the stages of their users."""
    formats: ClassVar[Sequence[tuple[str, Any]]] = ()
    """Forms of the records that a person may choose from."""
    cycles: ClassVar[Sequence[str]] = CYCLES
    fixed_time: ClassVar[str] = ""
    """The time of day at which periodic pushes start, where it cannot be chosen."""
    concurrency: ClassVar[int] = 0
    """Pushes at once in a workspace; 0 for the workspace's setting."""

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with settings that are right by themselves, by field."""
        return {}

    def test(self, config: Mapping[str, Any]) -> str:
        """Harmless calls that show whether the settings work; what was seen. Raises PushError."""
        raise NotImplementedError

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        """Raises PushError where the other side cannot be reached."""
        raise NotImplementedError


TARGETS: Registry[Target] = Registry("push target")


def register(cls: type[Target]) -> type[Target]:
    TARGETS.add(cls.key, cls())
    return cls
