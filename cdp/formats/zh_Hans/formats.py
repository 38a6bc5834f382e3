"""Numbers in Chinese where they are grouped: 89,115,441, as everywhere else in the console."""

from __future__ import annotations

NUMBER_GROUPING = 3
THOUSAND_SEPARATOR = ","
