"""The shop of send-outs, whose platform hands over replies."""

from __future__ import annotations

from tests.insight.datasources.conftest import mysql, mysql_process, postgresql, server
from tests.marketing.delivery.conftest import _sandbox, sandbox, shop, sms_shop

__all__ = ["_sandbox", "mysql", "mysql_process", "postgresql", "sandbox", "server", "shop", "sms_shop"]
