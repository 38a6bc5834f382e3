"""The sandbox and its shop, as for send-outs."""

from tests.marketing.delivery.conftest import _sandbox, sandbox, webhook_shop  # noqa: F401
