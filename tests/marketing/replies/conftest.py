"""The shop of send-outs, whose platform hands over replies."""

from __future__ import annotations

from tests.marketing.delivery.conftest import _sandbox, sandbox, shop, sms_shop

__all__ = ["_sandbox", "sandbox", "shop", "sms_shop"]
