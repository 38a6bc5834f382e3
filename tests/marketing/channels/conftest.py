"""A sandbox that stands for mail servers and platforms."""

from tests.marketing.delivery.conftest import _sandbox, push_shop, sandbox, shop

__all__ = ["_sandbox", "push_shop", "sandbox", "shop"]
