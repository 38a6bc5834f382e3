"""Putting notices into people's message centres."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from cdp.console.models import Notification
from cdp.core.languages import language_of
from cdp.jobs.kinds import all_kinds
from cdp.jobs.models import Job


def notify(
    workspace: Any, user: Any, title: str, *, text: str = "", url: str = "", level: str = "success"
) -> None:
    """A notice for one person."""
    Notification.objects.create(
        workspace=workspace, user=user, title=title[:200], text=text, url=url[:300], level=level
    )


def tell_owner(job: Job) -> None:
    """Tell the owner of a job that it has ended.

    One that was cancelled needs no notice: its owner did it. Nor does one whose work goes on later in another.
    """
    if job.owner is None or job.workspace is None or job.status == Job.Status.CANCELLED:
        return
    if job.result and job.result.get("continues_at"):
        return
    if any(kind.quiet for kind in all_kinds() if kind.kind == job.kind):
        return
    url = reverse("console:job", args=[job.workspace.slug, job.pk])
    with translation.override(language_of(job.owner)):
        if job.status == Job.Status.SUCCEEDED:
            notify(job.workspace, job.owner, _("Done: %(title)s") % {"title": job}, url=url)
        else:
            title = _("Failed: %(title)s") % {"title": job}
            notify(job.workspace, job.owner, title, text=job.error, url=url, level="error")


def unread(workspace: Any, user: Any) -> int:
    return Notification.objects.filter(workspace=workspace, user=user, read_at__isnull=True)[:100].count()
