"""CHAOS: three send-outs at once while workers, Redis, connections and platforms fail; see bench.chaos.

At scale 0.1 they go to 100,000 people with 50 deaths. Nothing is compared but the platform's own record with the
ledger: any person who got a message twice or not at all, and any number that differs, ends the run with an error.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import chaos
from bench.measure import Result
from bench.world import World, world
from cdp.demo.steps import finish
from insight.audiences import refreshing
from insight.audiences.models import Audience
from marketing.channels import senders
from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.content import signatures
from marketing.delivery import services
from marketing.delivery.models import SendOut
from marketing.sandbox.options import Options
from marketing.sandbox.provider import SandboxProvider
from marketing.webhooks import services as webhooks

SHARES = {"sms": 0.8, "custom": 0.1, "email": 0.1}
KILLS = 50
SECONDS = 3600.0


def surviving(scale: float, repetitions: int) -> list[Result]:
    """One run: repeating it would need the same dice."""
    sizes = {name: max(100, int(1_000_000 * scale * share)) for name, share in SHARES.items()}
    sandbox = SandboxProvider(Options(receipt_seconds=0.0, review_seconds=0.0))
    sandbox.start()
    harm = chaos.Harm(kills=KILLS, redis_restarts=5, cut_connections=10, faults=40, seconds=2.0)
    try:
        with world() as here, TemporaryDirectory() as folder:
            send_outs = _drafts(here, sandbox, sizes)
            with chaos.system(Path(folder), os.environ) as running:
                chaos.report_to(running, sandbox, send_outs[0])
                clock = time.perf_counter()
                for send_out in send_outs:
                    services.submit(here.access, send_out)
                chaos.rage(running, sandbox, harm, send_outs, SECONDS)
                took = time.perf_counter() - clock
            found = [chaos.check(sandbox, send_out, sizes[send_out.channel]) for send_out in send_outs]
    finally:
        sandbox.stop()
    result = Result(
        "CHAOS", "send while everything dies", "tideline", {"people": sum(sizes.values())}, {"tideline": took}
    )
    result.size |= {f"times {what}": count for what, count in sorted(harm.happened.items())}
    for send_out, numbers in zip(send_outs, found, strict=True):
        words = ", ".join(f"{count:,} {name}" for name, count in numbers.items())
        result.notes.append(f"{send_out.channel}: {words}; nobody twice, every number as the rows say")
    return [result]


def _drafts(here: World, sandbox: SandboxProvider, sizes: dict[str, int]) -> list[SendOut]:
    """By SMS and webhook to platforms that recognise a repeated call, and by mail, which knows no such thing."""
    everybody = sum(sizes.values())
    here.table(
        "customers",
        f"""SELECT 'u' || i AS user_unique_id, 'c' || i || '@x.example' AS email,
                   '138' || lpad(i::VARCHAR, 7, '0') || '5' AS phone,
                   CASE WHEN i < {sizes["sms"]} THEN 'sms' WHEN i < {sizes["sms"] + sizes["custom"]} THEN 'custom'
                        ELSE 'email' END AS way FROM range({everybody}) r(i)""",
    )
    dataset = here.dataset(
        {
            "name": "Customers",
            "kind": "user_tags",
            "table": "customers",
            "user_id": {"column": "user_unique_id", "id_type": "one_id"},
            "ids": [{"column": "email", "id_type": "email"}, {"column": "phone", "id_type": "mobile"}],
            "tags": [{"column": "way", "name": "way", "type": "enum"}],
        }
    )
    audiences = {}
    for way in sizes:
        rule = {"kind": "tag", "dataset": dataset.pk, "tag": "way", "operator": "in", "value": [way]}
        audience: Audience = here.audience({"name": way, "rule": rule, "save_ids": ["email", "mobile"]})
        finish(refreshing.request(here.access, audience, snapshot=False))
        audiences[way] = audience
    return [
        _sms(here, sandbox, audiences["sms"]),
        _calls(here, sandbox, audiences["custom"]),
        _mail(here, sandbox, audiences["email"]),
    ]


def _provider(here: World, channel: str, kind: str, config: dict[str, Any], **more: Any) -> Any:
    values = {"channel": channel, "type": kind, "name": f"Sandbox {channel}", "config": config}
    return channels.create_provider(here.access, {**values, "rate_per_second": 1_000_000, **more})


def _sms(here: World, sandbox: SandboxProvider, audience: Audience) -> SendOut:
    config = {"base_url": f"{sandbox.url}/contract", "idempotent": True}
    provider = _provider(here, "sms", "contract", config, batch_size=200)
    template = contents.create_template(here.access, "sms", {"name": "Text", "text": "Hello"})
    signature = signatures.add(here.access, provider, "Tide")
    contents.submit_for_review(here.access, template, provider)
    chosen = {"provider": provider, "signature": signature, "template": template}
    return services.create(here.access, "sms", {"name": "Text", "audience": audience, **chosen})


def _calls(here: World, sandbox: SandboxProvider, audience: Audience) -> SendOut:
    webhook = webhooks.create(
        here.access,
        {
            "name": "Own system",
            "url": f"{sandbox.url}/own-system",
            "auth": "key",
            "key": sandbox.options.webhook_key,
            "id_types": ["mobile"],
            "parameters": [{"name": "title", "label": "Title", "type": "text"}],
            "receipts": True,
            "statuses": [{"code": "200", "label": "Read", "outcome": "delivered"}],
            "rate_per_second": 1000,
            "idempotent": True,
        },
    )
    chosen = {"provider": webhook.provider, "id_type": "mobile", "params": {"title": "Hello"}}
    return services.create(here.access, "custom", {"name": "Calls", "audience": audience, **chosen})


def _mail(here: World, sandbox: SandboxProvider, audience: Audience) -> SendOut:
    config = {"host": "127.0.0.1", "port": sandbox.smtp_port, "security": "none"}
    provider = _provider(here, "email", "smtp", config)
    letter = {"name": "Letter", "subject": "Hello", "html": "<p>Hello</p>"}
    template = contents.create_template(here.access, "email", letter)
    sender = senders.add(here.access, provider, "shop@x.example", "Shop")
    chosen = {"provider": provider, "sender": sender, "template": template}
    return services.create(here.access, "email", {"name": "Letter", "audience": audience, **chosen})
