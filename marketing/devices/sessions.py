"""Writing to all devices of each person. A message has got to them when one push service has taken it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from django.utils.translation import gettext as _

from marketing.channels.base import Message, Outcome, PersonalSession, ProviderError
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.devices import registry
from marketing.devices.models import PushDevice

NO_DEVICE, TOO_LONG = "no_device", "too_long"
LONGEST_WAIT = 3600
Addressed = tuple[Message, list[PushDevice]]


@dataclass(frozen=True)
class Answer:
    """What a push service made of one device's message.

    `busy`: not taken, this device perhaps later; `down`: no device's is taken now; `denied`: the channel's settings
    are wrong, so nobody's is; `silent`: nobody knows whether it was taken.
    """

    state: Literal["taken", "gone", "refused", "busy", "down", "denied", "silent"]
    code: str = ""
    detail: str = ""
    wait_seconds: float = 0


class DeviceSession(PersonalSession):
    """Finds the devices, and notes at its end what became of them."""

    def __init__(self, provider: Provider, id_type: str) -> None:
        self.provider = provider
        self.id_type = id_type
        self._seen: dict[str, list[PushDevice]] = {"gone": [], "busy": [], "taken": []}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note what became of devices. Not while sending: that is undone where a push service stops it."""
        registry.note(**self._seen)

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        workspace, channel = self.provider.workspace_id, self.provider.channel
        hashes = [
            message.person_hash or target_hash(workspace, channel, message.target) for message in messages
        ]
        devices = registry.devices_of(self.provider, self.id_type, hashes)
        pairs = zip(messages, hashes, strict=True)
        yield from self.send_to([(message, devices.get(digest, [])) for message, digest in pairs])

    @abstractmethod
    def send_to(self, addressed: Sequence[Addressed]) -> Iterator[Outcome]:
        """Hand over; what `outcome` raises goes on to the caller, after the outcomes that there are."""

    def outcome(self, message: Message, devices: list[PushDevice], answers: list[Answer]) -> Outcome:
        """What became of one person's message. Raises ProviderError where it waits for another try."""
        for device, answer in zip(devices, answers, strict=True):
            if answer.state == "busy":
                device.failures += 1
            if answer.state in ("gone", "busy") or (answer.state == "taken" and device.failures):
                self._seen[answer.state].append(device)
        by_state = {answer.state: answer for answer in reversed(answers)}
        if found := by_state.get("taken"):
            return Outcome(message.key, "handed", provider_message_id=found.detail)
        if found := by_state.get("silent"):
            return Outcome(message.key, "unknown", detail=found.detail)
        if found := by_state.get("denied"):
            raise ProviderError(found.detail, code="provider_refused", provider_code=found.code)
        if found := by_state.get("down"):
            raise _unavailable(found)
        if "busy" in by_state:
            return _busy(message, devices, answers)
        if found := by_state.get("refused"):
            return Outcome(message.key, "failed", found.code, found.detail)
        return Outcome(message.key, "failed", NO_DEVICE, _("No device: none of this person is left."))


def _busy(message: Message, devices: list[PushDevice], answers: list[Answer]) -> Outcome:
    """A device gets another chance, but one that never works must not hold up everybody else."""
    pairs = [pair for pair in zip(devices, answers, strict=True) if pair[1].state == "busy"]
    answer = pairs[0][1]
    if any(device.failures < registry.MOST_FAILURES for device, _answer in pairs):
        raise _unavailable(answer)
    return Outcome(message.key, "failed", answer.code, answer.detail)


def _unavailable(answer: Answer) -> ProviderError:
    return ProviderError(
        answer.detail,
        code="provider_unreachable",
        retryable=True,
        provider_code=answer.code,
        wait_seconds=answer.wait_seconds,
    )


def of_error(error: ProviderError) -> Answer:
    """For a call without an answer."""
    state: Literal["silent", "down", "denied"] = (
        "silent" if error.uncertain else "down" if error.retryable else "denied"
    )
    return Answer(state, error.code, str(error), error.wait_seconds)


def too_long() -> str:
    return _("The message is too long for push services.")


def wait_seconds(retry_after: str) -> float:
    """What `Retry-After` asks for in seconds; 0 where it names a date or nothing."""
    return min(LONGEST_WAIT, int(retry_after)) if retry_after.isdecimal() and len(retry_after) < 9 else 0


def taken_and_rest(
    session: DeviceSession, addressed: Sequence[Addressed], answers: Sequence[Answer]
) -> Iterator[Outcome]:
    """The outcomes of messages that were under way at the same time; `answers` are of all devices in their order.

    Raises ProviderError at the end where one of them waits for another try.
    """
    left, waits = iter(answers), None
    for message, devices in addressed:
        try:
            yield session.outcome(message, devices, [next(left) for _device in devices])
        except ProviderError as error:
            waits = waits or error
    if waits is not None:
        raise waits
