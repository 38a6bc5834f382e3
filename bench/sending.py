"""B7: messages to everybody through the delivery pipeline, beside a bare loop over the client library.

Here by mail, in `sending_by_contract` by SMS. Both write each person's own mail and hand it over one connection to a
server that keeps nothing. The pipeline does what no loop does: it finds the people, leaves a row for each before
anything is sent, looks at suppressions and caps again, counts opens and clicks, and can be killed at any moment
without writing to anybody twice.
"""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from resource import RUSAGE_SELF, getrusage

from bench import responding
from bench.measure import Result
from bench.sending_by_contract import by_contract, carry_out
from bench.world import World, world
from cdp.demo.steps import finish
from insight.audiences import refreshing
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from marketing.channels import senders
from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.delivery import services
from marketing.delivery.models import Recipient, SendOut

GOAL = 1 / 0.8
"""Our time divided by the loop's: at least 0.8 of its rate."""
PAGES = ("", "send-outs/", "audiences/", "jobs/")
"""Of the console, opened one after the other while the mails go out."""
LOOP = 100_000
IDLE = 10
"""Seconds in which they are opened before."""
SUBJECT, HTML = (
    "News from ${city}",
    "<p>Hello ${city}, <a href='https://shop.example.com/'>have a look</a>.</p>",
)


def sending(scale: float, repetitions: int) -> list[Result]:
    """One run of ours, as a million messages take long; the loop runs before and after, and its mean counts.

    It does the same for each message, so that it sends at most `LOOP` of them; its time is that of as many as ours.
    """
    people = max(int(1_000_000 * scale), 200)
    with world() as here:
        dataset, audience = _everybody(here, people)
        return [
            _by_mail(here, dataset, audience, people),
            by_contract(here, audience, people, PAGES, GOAL),
        ]


def _by_mail(here: World, dataset: Dataset, audience: Audience, people: int) -> Result:
    with _server() as port:
        send_out = _draft(here, dataset, audience, port)
        before = _loop(people, port)
        with responding.asked(here.access, PAGES) as answers:
            idle = time.perf_counter()
            time.sleep(IDLE)
            clock, ended, used = carry_out(here, send_out)
            ours = ended - clock
        after = _loop(people, port)
        delivered = Recipient.objects.filter(send_out=send_out, state=Recipient.State.DELIVERED).count()
        if delivered != people:
            raise AssertionError(f"{delivered} of {people} messages were delivered.")
        loop = (before[0] + after[0]) / 2
        found = Result(
            "B7",
            "mail to everybody in an audience",
            "tideline",
            {
                "people": people,
                "a second": round(people / ours),
                "a second, loop": round(people / loop),
                "people of a loop": min(people, LOOP),
            },
            seconds={"tideline": ours, "loop": loop},
            processor={"tideline": used, "loop": (before[1] + after[1]) / 2},
            goals={"loop": GOAL},
        )
        found.notes += [
            f"The console meanwhile: {answers.between(clock, ended)}; before: {answers.between(idle, clock)}."
        ]
        found.peak_mb["tideline"] = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        return found


@contextmanager
def _server() -> Iterator[int]:
    """The port of a mail server in a process of its own, which takes everything and keeps nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "aiosmtpd",
        "-n",
        "-l",
        f"127.0.0.1:{port}",
        "-c",
        "aiosmtpd.handlers.Sink",
    ]
    with subprocess.Popen(command) as process:
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()


def _wait(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _everybody(here: World, people: int) -> tuple[Dataset, Audience]:
    here.table(
        "customers",
        f"""SELECT 'u' || i AS user_unique_id, 'c' || i || '@x.example' AS email,
                   '138' || lpad(i::VARCHAR, 7, '0') || '5' AS phone,
                   ['Bath', 'Oslo', 'Rome'][i % 3 + 1] AS city FROM range({people}) r(i)""",
    )
    dataset = here.dataset(
        {
            "name": "Customers",
            "kind": "user_tags",
            "table": "customers",
            "user_id": {"column": "user_unique_id", "id_type": "one_id"},
            "ids": [{"column": "email", "id_type": "email"}, {"column": "phone", "id_type": "mobile"}],
            "tags": [{"column": "city", "name": "city", "type": "enum"}],
        }
    )
    rule = {
        "kind": "tag",
        "dataset": dataset.pk,
        "tag": "city",
        "operator": "in",
        "value": ["Bath", "Oslo", "Rome"],
    }
    ids = ["email", "mobile"]
    audience = here.audience({"name": "Everybody", "rule": rule, "save_ids": ids})
    finish(refreshing.request(here.access, audience, snapshot=False))
    return dataset, audience


def _draft(here: World, dataset: Dataset, audience: Audience, port: int) -> SendOut:
    config = {"host": "127.0.0.1", "port": port, "security": "none"}
    provider = channels.create_provider(
        here.access,
        {"channel": "email", "type": "smtp", "name": "Sink", "config": config, "rate_per_second": 1_000_000},
    )
    template = contents.create_template(
        here.access, "email", {"name": "News", "subject": SUBJECT, "html": HTML, "purpose": "notice"}
    )
    return services.create(
        here.access,
        "email",
        {
            "name": "News",
            "audience": audience,
            "provider": provider,
            "sender": senders.add(here.access, provider, "shop@x.example", "Shop"),
            "template": template,
            "variables": {
                "city": {"dataset": dataset.pk, "tag": "city", "missing": "replace", "value": "you"}
            },
        },
    )


def _loop(people: int, port: int) -> tuple[float, float]:
    """Wall and processor seconds of the shortest program that sends the same mails."""
    share = people / min(people, LOOP)
    clock, processor = time.perf_counter(), time.process_time()
    cities = ("Bath", "Oslo", "Rome")
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(min(people, LOOP)):
            city = cities[number % 3]
            mail = EmailMessage()
            mail["From"], mail["To"] = "Shop <shop@x.example>", f"c{number}@x.example"
            mail["Subject"] = SUBJECT.replace("${city}", city)
            mail.set_content(f"Hello {city}, have a look (https://shop.example.com/).")
            mail.add_alternative(HTML.replace("${city}", city), subtype="html")
            client.send_message(mail)
    return (time.perf_counter() - clock) * share, (time.process_time() - processor) * share
