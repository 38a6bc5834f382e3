"""A sandbox that stands for mail servers and platforms."""

from tests.marketing.delivery.conftest import _sandbox, sandbox, shop

__all__ = ["_sandbox", "sandbox", "shop"]
