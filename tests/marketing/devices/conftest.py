from __future__ import annotations

from tests.marketing.delivery.conftest import _sandbox, sandbox, web_shop

__all__ = ["_sandbox", "sandbox", "web_shop"]
