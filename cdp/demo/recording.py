"""What happened to the demo's messages as behaviour, and whom it selects."""

from __future__ import annotations

from cdp.core.access import Access
from cdp.demo import audiences as rules
from cdp.demo.steps import finish, finish_all, one
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from marketing.delivery.models import SendOut
from marketing.outcomes import writing
from marketing.outcomes.models import EventTable


def load(access: Access, letter: SendOut, members: Dataset, purchases: Dataset) -> None:
    """The events as they are now, and the audience of those who opened the letter and have not bought since."""
    writing.write_all(access.workspace)
    for row in EventTable.objects.in_workspace(access.workspace).select_related("dataset"):
        if row.dataset is not None:
            finish(datasets.refresh(access, row.dataset))
    messages = EventTable.objects.in_workspace(access.workspace).get(id_type="one_id").dataset
    if messages is not None:
        rule = rules.opened_without_purchase(messages.pk, letter.pk, members.pk, purchases.pk)
        data = {"name": rules.OPENED, "rule": rule, "save_ids": ["mobile", "email"]}
        one(Audience, access, lambda: audiences.create(access, data), name=rules.OPENED)
        finish_all(access, "audience.refresh")
