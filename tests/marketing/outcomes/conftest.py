"""The shop of send-outs, what happens to whose messages is recorded."""

from __future__ import annotations

from tests.marketing.delivery.conftest import _sandbox, sandbox, shop, sms_shop

__all__ = ["_sandbox", "sandbox", "shop", "sms_shop"]
