"""Home page, jobs, message centre."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.console import help_pages, home, visits
from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    BulkAction,
    Column,
    DateColumn,
    DetailPage,
    Fact,
    ListPage,
    WorkspaceView,
)
from cdp.console.models import Notification
from cdp.core.access import Access
from cdp.jobs import cancel_job, retry_job
from cdp.jobs.models import Job
from cdp.jobs.services import check_owner, looks_after


class HomePage(WorkspaceView):
    """Where one starts: what is there, what runs, what one uses, and the first steps in an empty workspace."""

    permission = "workspace.view"
    title = _("Home")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        steps = home.steps(self.access)
        running = Job.objects.in_workspace(self.workspace).filter(status__in=Job.ACTIVE)[:5]
        context = self.get_context(
            tiles=home.tiles(self.access),
            steps=steps,
            steps_done=sum(step["done"] for step in steps),
            running=running if self.access.can("jobs.view") else [],
            used=visits.most_used(self.access),
            releases=help_pages.releases(),
            topics=help_pages.topics(),
        )
        return self.render("console/home.html", context)


class JobFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        choices=Job.Status.choices, label=_("State"), empty_label=_("Any state")
    )
    mine = django_filters.ChoiceFilter(
        choices=[("true", _("Only mine"))], method="only_mine", label=_("Owner"), empty_label=_("Everybody")
    )

    class Meta:
        model = Job
        fields = ["status"]

    def only_mine(self, rows: QuerySet[Job], name: str, value: str) -> QuerySet[Job]:
        return rows.filter(owner=self.request.user) if value else rows


def _cancel(access: Access, job: Job) -> Job:
    check_owner(job, access)
    return cancel_job(job, access)


class JobList(ListPage):
    permission = "jobs.view"
    title = _("Jobs")
    intro = _("Everything that takes longer than a moment, with its progress and log.")
    search_fields = ("title", "kind", "id")
    filterset_class = JobFilter
    ordering = "-created_at"
    empty_icon = "list-check"
    empty_title = _("No jobs yet")
    empty_text = _("Uploads, refreshes, exports and send-outs appear here with live progress.")
    bulk_actions = (BulkAction("cancel", _("Cancel"), _cancel),)
    columns = (
        Column("title", _("Job"), value=str, sort="title", link=True),
        BadgeColumn("status", _("State"), label_of="get_status_display", hint="error", sort="status"),
        Column(
            "progress", _("Progress"), value=lambda job: f"{job.progress} %", sort="progress", css="td-number"
        ),
        Column("owner", _("Owner"), value="owner"),
        DateColumn("created_at", _("Started"), sort="created_at"),
        Column("seconds", _("Took"), value=lambda job: _duration(job.seconds), css="td-number"),
    )

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.in_workspace(self.workspace).select_related("owner")

    def row_url(self, row: Job) -> str:
        return self.reverse("console:job", pk=row.pk)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s"


class JobDetail(DetailPage):
    permission = "jobs.view"
    model = Job
    template_name = "console/job.html"
    back_url_name = "console:jobs"
    back_label = _("Jobs")

    def facts(self, obj: Job) -> list[Fact]:
        return [
            Fact(_("Kind"), obj.kind),
            Fact(_("Owner"), obj.owner or "–"),
            Fact(_("Queued at"), obj.created_at),
            Fact(_("Began"), obj.started_at),
            Fact(_("Ended"), obj.finished_at),
            Fact(_("Took"), _duration(obj.seconds)),
            Fact(_("Attempts"), obj.attempts),
            Fact(_("Reference"), obj.pk),
        ]

    def extra(self, obj: Job) -> dict[str, Any]:
        mine = looks_after(obj, self.access)
        result = [
            (key.replace("_", " "), value) for key, value in (obj.result or {}).items() if _is_plain(value)
        ]
        # Read back as times, so that the page shows them in the workspace's zone like all others.
        log = [{**line, "at": datetime.fromisoformat(line["at"])} for line in obj.log_for(technical=mine)]
        return {"job": obj, "mine": mine, "result": result, "log": log}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


class JobState(DetailPage):
    """The live part of a job, for pages whose event stream is cut off."""

    permission = "jobs.view"
    model = Job
    template_name = "components/job_progress.html"

    def extra(self, obj: Job) -> dict[str, Any]:
        return {"job": obj}


class CancelJob(ActionView):
    permission = "jobs.view"
    model = Job
    success_message = _("The job is being cancelled.")

    def act(self, obj: Job) -> Job:
        return _cancel(self.access, obj)

    def success_url(self, obj: Job, result: Any) -> str:
        return self.reverse("console:job", pk=obj.pk)


class RetryJob(ActionView):
    permission = "jobs.view"
    model = Job
    success_message = _("Started again.")

    def act(self, obj: Job) -> Job:
        check_owner(obj, self.access)
        return retry_job(obj, self.access)

    def success_url(self, obj: Job, result: Job | None) -> str:
        return self.reverse("console:job", pk=(result or obj).pk)


class Messages(ListPage):
    """The message centre."""

    permission = "workspace.view"
    title = _("Messages")
    ordering = "-created_at"
    search_fields = ("title", "text")
    template_name = "console/messages.html"
    table_template = "components/table.html"
    empty_icon = "bell"
    empty_title = _("No messages")
    empty_text = _("When a job of yours ends, you are told here.")
    columns = (
        BadgeColumn("level", _("State"), label_of="get_level_display"),
        Column(
            "title",
            _("Message"),
            value=lambda notice: notice.title if not notice.text else f"{notice.title}: {notice.text[:160]}",
            link=True,
        ),
        DateColumn("created_at", _("Received"), sort="created_at"),
        BadgeColumn(
            "read_at",
            _("New"),
            value=lambda notice: "read" if notice.read_at else "new",
            label_of=lambda notice: "" if notice.read_at else _("New"),
        ),
    )

    def get_queryset(self) -> QuerySet[Notification]:
        return Notification.objects.in_workspace(self.workspace).filter(user=self.access.user)

    def row_url(self, row: Notification) -> str:
        return self.reverse("console:message", pk=row.pk)


class OpenMessage(DetailPage):
    """Marks a notice as read and goes where it points."""

    permission = "workspace.view"
    model = Notification

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        notice = Notification.objects.get_in(self.workspace, self.kwargs["pk"], user=self.access.user)
        if notice.read_at is None:
            Notification.objects.filter(pk=notice.pk).update(read_at=timezone.now())
        return HttpResponseRedirect(notice.url or self.reverse("console:messages"))


class ReadMessages(WorkspaceView):
    permission = "workspace.view"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        Notification.objects.filter(
            workspace=self.workspace, user=self.access.user, read_at__isnull=True
        ).update(read_at=timezone.now())
        return HttpResponseRedirect(self.reverse("console:messages"))
