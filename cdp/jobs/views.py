"""The stream behind live progress bars. The job pages themselves belong to the console."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse

from cdp.core.membership import access_for
from cdp.jobs import live
from cdp.jobs.models import Job


async def events(request: HttpRequest, workspace: str, job_id: str) -> StreamingHttpResponse:
    """Server-sent events of one job, for members of its workspace."""

    def find() -> Job:
        access = access_for(request.user, workspace)
        access.require("jobs.view")
        return Job.objects.get_in(access.workspace, job_id)

    job = await sync_to_async(find)()
    response = StreamingHttpResponse(live.events(job), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response
