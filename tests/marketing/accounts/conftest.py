"""The sandbox, whose Umeng account is authorised, and its shop of push messages."""

from __future__ import annotations

from tests.marketing.delivery.conftest import _sandbox, push_shop, sandbox

__all__ = ["_sandbox", "push_shop", "sandbox"]
