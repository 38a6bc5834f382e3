"""Three send-outs at once while workers, Redis, connections and platforms fail at random: nobody lost, nobody twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bench import chaos
from marketing.delivery import services
from marketing.sandbox.provider import SandboxProvider
from tests.marketing.delivery.shop import Person, mails
from tests.marketing.delivery.webhook_shop import WebhookShop
from tests.processes import environment

TEXTS, CALLS, MAILS = 2000, 200, 200


def person(number: int) -> Person:
    """With a mobile number that means nothing special to the platform."""
    return (f"138{number:07}5", None, "Bath", date(2026, 3, 1))


@pytest.mark.slow
def test_whatever_dies_everybody_gets_it_once_and_the_numbers_are_those_of_the_rows(
    transactional_db: None, sandbox: SandboxProvider, tmp_path: Path
) -> None:
    shop = WebhookShop(sandbox)
    texts, calls = ([person(number) for number in range(count)] for count in (TEXTS, CALLS))
    sms = shop.sms(
        shop.audience(texts, "Texts"),
        provider={"batch_size": 50, "rate_per_second": 1000},
        config={"idempotent": True},
    )
    call = shop.call(shop.audience(calls, "Calls"), webhook={"idempotent": True})
    mail = shop.mail(shop.audience(mails(MAILS), "Mails"), provider={"rate_per_second": 1000})
    harm = chaos.Harm(kills=8, redis_restarts=2, cut_connections=2, faults=8, seconds=0.5)
    with chaos.system(tmp_path, environment()) as running:
        chaos.report_to(running, sandbox, sms)
        for send_out in (sms, call, mail):
            services.submit(shop.access, send_out)
        chaos.rage(running, sandbox, harm, [sms, call, mail], 120)
        assert harm.happened["kill"] and harm.happened["redis"]
        chaos.check(sandbox, sms, TEXTS)
        chaos.check(sandbox, call, CALLS)
        chaos.check(sandbox, mail, MAILS)
