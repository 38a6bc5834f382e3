"""Where compiled queries run. Every engine answers the same interface; the lake is the first."""

from __future__ import annotations

from cdp.warehouse.cancel import cancellable
from cdp.warehouse.engine import Engine, Transaction, get_engine, register_engine, register_finder
from cdp.warehouse.lake_engine import LakeEngine, translated

__all__ = [
    "Engine",
    "LakeEngine",
    "Transaction",
    "cancellable",
    "get_engine",
    "register_engine",
    "register_finder",
    "translated",
]
