"""The half of B7 that goes to the HTTP contract: SMS to everybody, beside a bare loop over the HTTP library.

The platform is the sandbox in a process of its own, new for each run: it fetches each batch's file and writes down
every message. Both hand over batches of `BATCH` people, one call after the other; the loop writes the files of its
batches from numbers that it counts up, and a web server that knows nothing else hands them out.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from django.test import override_settings

from bench import responding
from bench.measure import Result
from bench.world import World
from cdp.demo.steps import finish
from cdp.runtime import ports
from insight.audiences.models import Audience
from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.content import signatures
from marketing.delivery import schedule, services
from marketing.delivery.models import Recipient, SendOut
from tests.processes import process

BATCH = 50_000
"""What a provider of ours hands over in a call where nobody has said otherwise."""
SIGNATURE = "Tide"


def by_contract(here: World, audience: Audience, people: int, pages: tuple[str, ...], goal: float) -> Result:
    """One run of ours between two of the loop, whose mean counts."""
    before = _loop(people)
    with (
        _platform() as platform,
        responding.asked(here.access, pages) as answers,
        override_settings(BASE_URL=answers.url),
    ):
        send_out = _draft(here, audience, platform)
        clock, ended, used = carry_out(here, send_out)
        ours = ended - clock
    after = _loop(people)
    handed = Recipient.objects.filter(send_out=send_out, state=Recipient.State.HANDED).count()
    if handed != people:
        raise AssertionError(f"{handed} of {people} messages were handed over.")
    loop = (before[0] + after[0]) / 2
    return Result(
        "B7",
        "SMS to everybody in an audience",
        "tideline",
        {"people": people, "a second": round(people / ours), "a second, loop": round(people / loop)},
        seconds={"tideline": ours, "loop": loop},
        processor={"tideline": used, "loop": (before[1] + after[1]) / 2},
        goals={"loop": goal},
        notes=[f"The console meanwhile: {answers.between(clock, ended)}."],
    )


def carry_out(here: World, send_out: SendOut) -> tuple[float, float, float]:
    """Send to everybody; returns when it began and ended (`time.perf_counter`), and our seconds of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    services.submit(here.access, send_out)
    job = schedule.active_job(send_out)
    assert job is not None
    finish(job)
    return clock, time.perf_counter(), time.process_time() - processor


@contextmanager
def _running(*command: str, url: str) -> Iterator[None]:
    with process(*command):
        responding.wait(url)
        yield


@contextmanager
def _platform() -> Iterator[str]:
    """The address of the contract on a platform that knows nothing yet."""
    port = ports.free_port(None)
    url = f"http://{ports.LOOPBACK}:{port}"
    others = ["--smtp-port", "0", "--apns-port", "0", "--review-seconds", "0"]
    command = ["manage.py", "sandbox_provider", "--memory", "--http-port", str(port), *others]
    with _running(*command, url=url):
        yield f"{url}/contract"


def _draft(here: World, audience: Audience, platform: str) -> SendOut:
    provider = channels.create_provider(
        here.access,
        {
            "channel": "sms",
            "type": "contract",
            "name": "Sandbox",
            "config": {"base_url": platform},
            "rate_per_second": 1_000_000,
            "batch_size": BATCH,
        },
    )
    template = contents.create_template(here.access, "sms", {"name": "Text", "text": "Hello"})
    signature = signatures.add(here.access, provider, SIGNATURE)
    contents.submit_for_review(here.access, template, provider)
    chosen = {"provider": provider, "signature": signature, "template": template}
    return services.create(here.access, "sms", {"name": "Text", "audience": audience, **chosen})


def _loop(people: int) -> tuple[float, float]:
    """Wall and processor seconds of the shortest program that sends the same texts."""
    port = ports.free_port(None)
    url = f"http://{ports.LOOPBACK}:{port}"
    with TemporaryDirectory() as folder, _platform() as platform:
        server = ["-m", "http.server", str(port), "--bind", ports.LOOPBACK, "--directory", folder]
        with _running(*server, url=url), requests.Session() as session:
            text = {"templateName": "Text", "templateContent": "Hello", "remark": "Text", "templateType": 1}
            code = _post(session, f"{platform}/sms/smsTemplate", text)["templateCode"]
            clock, processor = time.perf_counter(), time.process_time()
            for start in range(0, people, BATCH):
                numbers = range(start, min(start + BATCH, people))
                name = uuid.uuid4().hex
                (Path(folder) / name).write_text("\n".join(f"138{number:07}5" for number in numbers))
                batch = {"outId": name, "phoneOssUrl": f"{url}/{name}", "limit": len(numbers)}
                _post(
                    session,
                    f"{platform}/sms/sendBatch",
                    {**batch, "signName": SIGNATURE, "templateCode": code},
                )
            return time.perf_counter() - clock, time.process_time() - processor


def _post(session: requests.Session, url: str, body: dict[str, object]) -> dict[str, str]:
    answer = session.post(url, json=body, timeout=120)
    answer.raise_for_status()
    return answer.json()  # type: ignore[no-any-return]
