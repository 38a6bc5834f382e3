"""Regions of network addresses, from a file of the operator's: nobody outside is asked.

The file is CSV with two columns and no header: a network in CIDR form, and the name of its region. Networks must not
overlap.
"""

from __future__ import annotations

import csv
import logging
from bisect import bisect_right
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)
Span = tuple[int, int, int, str]
"""IP version, first and last address, region."""


def region_of(ip: str | None) -> str:
    """The region, "" where it is not known."""
    if not ip or not settings.REGION_FILE:
        return ""
    found = ip_address(ip)
    key = (found.version, int(found))
    spans = _spans(settings.REGION_FILE)
    place = bisect_right(spans, key, key=lambda span: span[:2]) - 1
    if place < 0:
        return ""
    version, _first, last, region = spans[place]
    return region if version == key[0] and key[1] <= last else ""


@lru_cache(maxsize=1)
def _spans(path: str) -> tuple[Span, ...]:
    """The file, sorted. One that cannot be read is told to the log once: links work all the same."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as lines:
            return tuple(sorted(_span(*row[:2]) for row in csv.reader(lines) if row))
    except (OSError, TypeError, ValueError) as error:
        log.error("REGION_FILE cannot be used: %s", error)
        return ()


def _span(network: str, region: str) -> Span:
    found = ip_network(network.strip())
    first, last = int(found.network_address), int(found.broadcast_address)
    return found.version, first, last, region.strip()[:64]
