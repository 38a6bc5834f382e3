"""What becomes of clicks: a file, an audience of who clicked, a table of behaviour in the lake."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

from admin_center.audit.services import log_download
from cdp.core import audit, timezones
from cdp.core.access import Access
from cdp.core.csv_export import streamed_response
from cdp.core.errors import ValidationFailed
from cdp.jobs.models import Job
from insight.audiences import outside
from insight.audiences.models import Audience
from insight.datasources import services as tables
from insight.datasources.models import SourceTable
from marketing.links import queries
from marketing.links.models import LinkClick, ShortLink

TABLE = "short_link_clicks"
BEHAVIOUR = "short_link_click"
COLUMNS = ("at", "person", "device", "system", "region")
_TABLE_COLUMNS = ("mobile", "at", "type", "link", "device", "system", "region")
IN_MEMORY = 1_000_000
ROWS = 5_000


def clicks_csv(access: Access, link: ShortLink) -> StreamingHttpResponse:
    """The clicks of people as a CSV file, numbers masked; the download is noted."""
    rows = queries.clicks(link).order_by("at", "pk")
    log_download(access, link, action="short_link.downloaded", rows=rows.count())
    lines = (
        (row.at.isoformat(), queries.masked(link, row.person), row.device, row.system, row.region)
        for row in rows.iterator(chunk_size=ROWS)
    )
    return streamed_response(f"{link.code}-clicks", COLUMNS, lines)


def make_audience(access: Access, link: ShortLink, data: Mapping[str, Any]) -> tuple[Audience, Job]:
    """An audience of the named people who clicked. `data`: name, folder, public, remark, campaigns."""
    access.require("insight.audience.filter")
    people = [queries.mobile(link, row["person"]) for row in queries.people(link)]
    if not people:
        raise ValidationFailed(
            _("Nobody whose number is known has clicked yet."),
            errors={"name": [_("Nobody whose number is known has clicked yet.")]},
        )
    audience, job = outside.of_ids(access, people, f"{link.pk}.csv", "mobile", data)
    after = {"audience": audience.pk, "people": len(people)}
    audit.record(access, "short_link.audience_made", link, after=after)
    return audience, job


def make_table(access: Access) -> Job:
    """All clicks of named people, of all links, as the table `short_link_clicks` of the lake; replaces an older one.

    A behaviour dataset made of it counts them: user `mobile`, time `at`, type `type`.
    """
    access.require("insight.datasource.manage")
    rows = (
        LinkClick.objects.filter(link__workspace=access.workspace, link__deleted_at=None, is_machine=False)
        .exclude(person="")
        .order_by("at", "pk")
    )
    if not rows.exists():
        raise ValidationFailed(_("Nobody whose number is known has clicked yet."))
    zone = timezones.zone(access.workspace)
    links = {link.pk: link for link in queries.links(access.workspace)}
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(_TABLE_COLUMNS)
        for row in rows.iterator(chunk_size=ROWS):
            link = links[row.link_id]
            mobile = queries.mobile(link, row.person)
            at = row.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            writer.writerow([mobile, at, BEHAVIOUR, link.name, row.device, row.system, row.region])
        file.seek(0)
        upload = tables.create_upload(access, file, f"{TABLE}.csv", may_guess=True)  # type: ignore[arg-type]
    present = SourceTable.objects.in_workspace(access.workspace).filter(name=TABLE).first()
    replace = present if present is not None and present.version else None
    return tables.start_import(
        access, upload, TABLE, types={"mobile": "text", "at": "datetime"}, replace=replace
    )
