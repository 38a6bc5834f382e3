"""A shop with customers, an audience of them, and channels that lead to a sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from email import message_from_bytes
from email.policy import default
from typing import Any

import pyarrow as pa
from django.utils import timezone

from admin_center.organizations.settings import update_settings
from admin_center.permissions.access import MemberAccess
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets.models import Dataset, DatasetField
from marketing.channels import senders
from marketing.channels import services as channels
from marketing.content import services as contents
from marketing.content import signatures
from marketing.content.models import TemplateReview
from marketing.delivery import queries, receipts, schedule, services
from marketing.delivery.models import Recipient, SendBatch, SendOut
from marketing.sandbox.provider import SandboxProvider
from marketing.sandbox.store import Wanted
from tests.factories import make_access
from tests.insight.audiences.world import make_dataset

Person = tuple[str | None, str | None, str | None, date | None]
"""Mobile number, e-mail address, city, date of joining."""


def mails(count: int, prefix: str = "c") -> list[Person]:
    """So many people with e-mail addresses alone."""
    return [(None, f"{prefix}{number}@x.example", "Bath", date(2026, 3, 1)) for number in range(count)]


def numbers(count: int, first: int = 1000) -> list[Person]:
    """So many people with mobile numbers alone; none ends in a number that the sandbox treats specially."""
    return [(f"1380013{number:04}", None, "Bath", date(2026, 3, 1)) for number in range(first, first + count)]


class Shop:
    """Its parts are made through the services that make them in production."""

    def __init__(self, sandbox: SandboxProvider, access: MemberAccess | None = None) -> None:
        self.sandbox = sandbox
        self.access = access or make_access()
        self.workspace = self.access.workspace

    def audience(self, people: Sequence[Person], name: str = "Everybody") -> Audience:
        """An audience of these people, computed."""
        dataset = self.make_dataset(people, name)
        rule = {"kind": "tag", "dataset": dataset.pk, "tag": "here", "operator": "in", "value": ["yes"]}
        values = {"name": name, "rule": rule, "save_ids": ["mobile", "email"]}
        audience = audiences.create(self.access, values)
        self.run_jobs()
        audience.refresh_from_db()
        assert audience.count == len(people)
        return audience

    def make_dataset(self, people: Sequence[Person], name: str) -> Dataset:
        columns = list(zip(*people, strict=True))
        table = pa.table(
            {
                "user_unique_id": [f"u{number:06}" for number in range(len(people))],
                "phone": pa.array(columns[0], pa.string()),
                "email": pa.array(columns[1], pa.string()),
                "city": pa.array(columns[2], pa.string()),
                "joined": pa.array(columns[3], pa.date32()),
                "here": ["yes"] * len(people),
            }
        )
        dataset = make_dataset(self.workspace, name, "user_tags", table, unique_users=True)
        fields = [
            {"column": "member_no", "role": "identifier", "id_type": "one_id", "name": "Member"},
            {"column": "phone", "role": "id", "id_type": "mobile", "name": "Phone"},
            {"column": "email", "role": "id", "id_type": "email", "name": "E-mail"},
            {"column": "city", "role": "tag", "tag_type": "text", "name": "City"},
            {"column": "joined", "role": "tag", "tag_type": "date", "name": "Joined"},
            {"column": "here", "role": "tag", "tag_type": "enum", "name": "Here"},
        ]
        DatasetField.objects.bulk_create(DatasetField(dataset=dataset, **field) for field in fields)
        return dataset

    def mail(self, audience: Audience, name: str = "Letter", **more: Any) -> SendOut:
        """A draft of an e-mail. `more`: fields of the send-out; template: its fields; provider: its fields."""
        host = {"host": "127.0.0.1", "port": str(self.sandbox.smtp_port), "security": "none"}
        values = {"channel": "email", "type": "smtp", "name": f"{name} server", "config": host}
        provider = channels.create_provider(self.access, {**values, **more.pop("provider", {})})
        written = {"name": name, "subject": "Hello", "html": "<p>Hi</p>", **more.pop("template", {})}
        template = contents.create_template(self.access, "email", written)
        sender = senders.add(self.access, provider, "shop@tide.example", "Shop")
        chosen = {"provider": provider, "sender": sender, "template": template}
        return services.create(self.access, "email", {"name": name, "audience": audience, **chosen, **more})

    def sms(self, audience: Audience, name: str = "Text", **more: Any) -> SendOut:
        """A draft of an SMS with an approved signature and template. `more` as for `mail`."""
        can = {"promo_variables": True, "short_links": True}
        config = {"base_url": f"{self.sandbox.url}/contract", **can, **more.pop("config", {})}
        values = {"channel": "sms", "type": "contract", "name": f"{name} platform", "config": config}
        provider = channels.create_provider(self.access, {**values, **more.pop("provider", {})})
        written = {"name": name, "text": "Hello", **more.pop("template", {})}
        template = contents.create_template(self.access, "sms", written)
        signature = signatures.add(self.access, provider, "Tide")
        contents.submit_for_review(self.access, template, provider)
        assert TemplateReview.objects.get(template=template).state == "approved"
        chosen = {"provider": provider, "signature": signature, "template": template}
        return services.create(self.access, "sms", {"name": name, "audience": audience, **chosen, **more})

    def settings(self, **changes: Any) -> None:
        update_settings(self.workspace, changes, access=self.access)

    def submit(self, send_out: SendOut, **more: Any) -> SendOut:
        """Submit, and run what that queues."""
        services.submit(self.access, send_out, **more)
        return self.run_jobs(send_out)

    def run_jobs(self, send_out: SendOut | None = None) -> Any:
        """Run queued jobs in this process; returns the send-out as it is then."""
        while job := Job.objects.filter(status=Job.Status.QUEUED).order_by("created_at").first():
            run_job(job.pk)
        if send_out is not None:
            send_out = SendOut.objects.get(pk=send_out.pk)
        return send_out

    def when_due(self, send_out: SendOut) -> SendOut:
        """What happens to a waiting send-out once its time has come."""
        SendOut.objects.filter(pk=send_out.pk).update(held_until=timezone.now())
        type(send_out.provider).objects.filter(pk=send_out.provider_id).update(paused_until=None)
        schedule.start_due()
        found: SendOut = self.run_jobs(send_out)
        return found

    def poll(self) -> None:
        """Ask for all reports now."""
        SendBatch.objects.filter(next_poll_at__isnull=False).update(next_poll_at=timezone.now())
        receipts.poll_due()

    def inbox(self) -> Counter[str]:
        """How many messages each address or number has got."""
        return Counter(row["recipient"] for row in self.sandbox.store.messages(Wanted(), limit=100_000))

    def subjects(self) -> list[str]:
        return sorted(row["subject"] for row in self.sandbox.store.messages(Wanted(), limit=100_000))

    def source(self, address: str) -> Any:
        """The latest mail to an address, parsed."""
        number = self.sandbox.store.messages(Wanted(to=address))[0]["id"]
        raw = self.sandbox.store.raw(number)
        assert raw is not None
        return message_from_bytes(raw, policy=default)

    def states(self, send_out: SendOut) -> Counter[str]:
        return Counter(send_out.recipients.values_list("state", flat=True))

    def reasons(self, send_out: SendOut) -> dict[str, int]:
        return {row["reason"]: row["count"] for row in queries.reasons(send_out)}

    def recipient(self, send_out: SendOut, person: int) -> Recipient:
        """The ledger's row of the person at this place of the audience."""
        return Recipient.objects.get(send_out=send_out, person=f"u{person:06}")
