"""Sizes that a rule may not exceed."""

from __future__ import annotations

MAX_DEPTH = 5
MAX_LEAVES = 100
MAX_BYTES = 256 * 1024
MAX_VALUES = 10_000
MAX_VALUE_LENGTH = 1_000
MAX_HAVING_DEPTH = 5
MAX_STEPS = 6
MAX_DAYS = 3650
MAX_OFFSET = {"day": 36_500, "week": 5200, "month": 1200, "quarter": 400, "year": 100}
"""How far a window may be shifted from today: a hundred years, in each unit."""
