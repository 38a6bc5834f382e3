"""A process that ends in the middle of a push."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.pushes.targets import webhook


class Death(BaseException):
    """Nothing catches it."""


def die_before_the_end(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a push to a webhook until all users are sent and the end is not yet told."""

    def die(*_arguments: Any) -> str:
        raise Death

    with monkeypatch.context() as patched:
        patched.setattr(webhook._WebhookWriter, "finish", die)
        with pytest.raises(Death):
            run_job(job.pk)
