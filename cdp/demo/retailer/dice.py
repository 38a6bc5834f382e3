"""Chance without state: a number for a row and a purpose, the same for the same seed, whatever the threads do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

SLOTS = 200


class Dice:
    """Makes SQL expressions. `key` is an SQL integer, not negative, and names the row; `purpose` names the question."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def whole(self, key: str, purpose: str) -> str:
        """A UBIGINT, every value equally likely."""
        salt = int.from_bytes(blake2b(f"{self.seed}:{purpose}".encode(), digest_size=8).digest())
        return f"hash(xor(({key})::UBIGINT, {salt}::UBIGINT))"

    def uniform(self, key: str, purpose: str) -> str:
        """A DOUBLE from 0 up to, not including, 1."""
        return f"(({self.whole(key, purpose)} >> 11)::DOUBLE * {2.0**-53!r})"

    def below(self, key: str, purpose: str, limit: str | int) -> str:
        """A BIGINT from 0 up to, not including, `limit` (an SQL expression)."""
        return f"floor({self.uniform(key, purpose)} * ({limit}))::BIGINT"

    def normal(self, key: str, purpose: str) -> str:
        """A DOUBLE around 0 with standard deviation 1."""
        radius = f"sqrt(-2 * ln(1 - {self.uniform(key, purpose + ' radius')}))"
        return f"({radius} * cos(6.283185307179586 * {self.uniform(key, purpose + ' angle')}))"

    def exponential(self, key: str, purpose: str, mean: str | float) -> str:
        """A DOUBLE of 0 or more with the mean given."""
        return f"(-ln(1 - {self.uniform(key, purpose)}) * ({mean}))"

    def pick(self, key: str, purpose: str, values: Sequence[str]) -> str:
        """One of the texts, all equally likely."""
        return f"{text_list(values)}[1 + {self.below(key, purpose, len(values))}]"

    def choice(self, key: str, purpose: str, weights: Mapping[str, float]) -> str:
        """One of the texts, as often as their weights say (to half a percent)."""
        return f"{text_list(spread(weights))}[1 + {self.below(key, purpose, SLOTS)}]"


def spread(weights: Mapping[str, float], slots: int = SLOTS) -> list[str]:
    """Every text as many times as its weight deserves, `slots` in all."""
    total, passed, result = sum(weights.values()), 0.0, []
    for text, weight in weights.items():
        passed += weight
        result += [text] * (round(slots * passed / total) - len(result))
    return result


def text(value: str) -> str:
    """An SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def text_list(values: Sequence[str]) -> str:
    return "[" + ", ".join(text(value) for value in values) + "]"
