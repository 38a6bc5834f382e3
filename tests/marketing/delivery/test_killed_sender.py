"""Workers killed by signal 9 while they send: everything goes on, and nobody gets a message twice."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from cdp.jobs import services as jobs
from cdp.jobs.models import Job
from cdp.jobs.runner import recover_lost, run_job
from marketing.delivery import services
from marketing.delivery.models import Recipient, SendOut
from marketing.delivery.personal import CHUNK
from tests.marketing.delivery.shop import Shop, mails, numbers
from tests.processes import eventually, script, worker


@pytest.fixture
def shop(sms_shop: Shop) -> Shop:
    """Without messages of other tests in the queue."""
    redis.Redis.from_url(settings.REDIS_URL).delete("delivery")
    return sms_shop


def kill(running: subprocess.Popen[bytes]) -> None:
    running.send_signal(signal.SIGKILL)
    assert running.wait(timeout=10) == -signal.SIGKILL


def recover() -> None:
    """What happens half a minute after a worker's death, when its lease has run out."""
    job = Job.objects.get(kind="send_out.run")
    assert job.status == "running"
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    created = timezone.now() - timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(created_at=created)
    recover_lost()


def finished(send_out: SendOut) -> bool:
    return SendOut.objects.get(pk=send_out.pk).state == "finished"


def test_mail_killed_twice_in_the_middle_reaches_everybody_at_most_once(shop: Shop) -> None:
    people = 4 * CHUNK
    send_out = shop.mail(shop.audience(mails(people)), provider={"rate_per_second": 200})
    # Slow enough that the signal hits the middle of a chunk.
    shop.sandbox.faults.add({"kind": "slow", "on": "smtp", "times": 10_000, "seconds": 0.03})
    services.submit(shop.access, send_out)
    for count in (CHUNK // 2, 2 * CHUNK - 10):
        with worker("delivery") as running:
            eventually(lambda count=count: sum(shop.inbox().values()) >= count)
            kill(running)
        recover()
    shop.sandbox.faults.clear()
    with worker("delivery"):
        eventually(lambda: finished(send_out))
    inbox, states = shop.inbox(), shop.states(send_out)
    assert set(inbox.values()) == {1}
    assert set(states) == {"delivered", "unknown"} and sum(states.values()) == people
    assert 1 <= states["unknown"] <= 2 * CHUNK
    sure = Recipient.objects.filter(send_out=send_out, state="delivered")
    assert all(inbox[row.target] == 1 for row in sure)


@pytest.mark.parametrize("fault", ["timeout_after_accepting", "slow"])
def test_sms_killed_during_a_call_reaches_everybody_once(shop: Shop, fault: str) -> None:
    """The platform accepts the second of three batches before the worker dies, or only after that."""
    send_out = shop.sms(shop.audience(numbers(15)), provider={"batch_size": 5})
    shop.sandbox.faults.add({"kind": "slow", "on": "sendBatch", "seconds": 0.0})
    shop.sandbox.faults.add({"kind": fault, "on": "sendBatch", "seconds": 8.0})
    services.submit(shop.access, send_out)
    accepted = 10 if fault == "timeout_after_accepting" else 5
    with worker("delivery") as running:
        eventually(lambda: not shop.sandbox.faults.shown() and sum(shop.inbox().values()) == accepted)
        kill(running)
    assert Counter(send_out.batches.values_list("state", flat=True)) == {"handed": 1, "handing": 1, "new": 1}
    recover()
    with worker("delivery"):
        eventually(lambda: finished(send_out))
    assert shop.states(send_out) == {"handed": 10, "unknown": 5}

    def all_reported() -> bool:
        shop.poll()
        return shop.states(send_out) == {"delivered": 15}

    eventually(all_reported)
    assert shop.inbox() == {f"13800131{number:03}": 1 for number in range(15)}


BEFORE_THE_CALL = """
from cdp.jobs.runner import run_job
from marketing.channels.contract_sms import ContractSmsType
calls = []
send = ContractSmsType.send_bulk
def die_at_the_second(self, provider, request):
    calls.append(request)
    if len(calls) == 2:
        os.kill(os.getpid(), 9)
    return send(self, provider, request)
ContractSmsType.send_bulk = die_at_the_second
run_job(sys.argv[1])
"""


@pytest.mark.parametrize("idempotent", [True, False])
def test_sms_killed_before_a_call_is_repeated_only_where_the_platform_allows_it(
    shop: Shop, idempotent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    config = {"idempotent": idempotent}
    send_out = shop.sms(shop.audience(numbers(6)), provider={"batch_size": 2}, config=config)
    services.submit(shop.access, send_out)
    job = Job.objects.get(kind="send_out.run")
    assert script(BEFORE_THE_CALL, job.pk) == -signal.SIGKILL
    assert sum(shop.inbox().values()) == 2
    recover()
    run_job(job.pk)
    for _turn in range(3):
        shop.poll()
    got = 6 if idempotent else 4
    assert shop.states(send_out) == {"delivered": got, **({} if idempotent else {"unknown": 2})}
    assert len(shop.inbox()) == got and set(shop.inbox().values()) == {1}
    assert finished(send_out)


WHILE_RESOLVING = """
from cdp.jobs.runner import run_job
from marketing.delivery import resolve
resolve.ROWS = 10
copied = []
copy = resolve._copy
def die_after_the_second(*arguments):
    copy(*arguments)
    copied.append(1)
    if len(copied) == 2:
        os.kill(os.getpid(), 9)
resolve._copy = die_after_the_second
run_job(sys.argv[1])
"""


def test_killed_while_finding_people_nobody_is_lost_or_found_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda job: None)
    send_out = shop.mail(shop.audience([*mails(30), *mails(5)]))
    services.submit(shop.access, send_out)
    job = Job.objects.get(kind="send_out.run")
    assert script(WHILE_RESOLVING, job.pk) == -signal.SIGKILL
    send_out.refresh_from_db()
    assert send_out.resolved_at is None and 0 < send_out.recipients.count() < 35
    recover()
    run_job(job.pk)
    assert finished(send_out) and shop.states(send_out) == {"delivered": 30, "filtered": 5}
    assert len(shop.inbox()) == 30 and set(shop.inbox().values()) == {1}
