"""What mends a failed refresh, and who can do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.jobs.models import Job
from cdp.jobs.services import last_failure
from insight.datasets import rights
from insight.datasets.models import Dataset
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE

SEE_SOURCES = "insight.datasource.view"
OF_THE_SOURCE = frozenset(
    {
        "auth_failed",
        "source_unreachable",
        "database_missing",
        "tls_failed",
        "rights_missing",
        "source_missing",
    }
)
OF_THE_TABLE = frozenset({"table_missing", "column_missing", "rule_outdated", "no_rows"}) | {
    "user_not_unique",
    "join_not_unique",
    "item_not_unique",
}
PASSING = frozenset({"engine_busy", "engine_memory"})


@dataclass(frozen=True)
class Remedy:
    """What to do; `url` opens where it is done, for those who may."""

    text: str
    url: str = ""
    label: str = ""


@dataclass(frozen=True)
class Failure:
    """What the page of something whose refresh failed shows below the reason."""

    code: str
    remedy: Remedy | None
    job: Job | None = None
    technical: str = ""


def of_dataset(access: Access, dataset: Dataset) -> Failure | None:
    """Of the dataset's last refresh, where it failed."""
    if dataset.state != Dataset.State.FAILED:
        return None
    manages = rights.may_manage(access, dataset)
    return failure(access, dataset, dataset.error_code, _of_dataset(access, dataset, manages), manages)


def failure(access: Access, subject: Any, code: str, remedy: Remedy | None, manages: bool) -> Failure:
    """With the job that failed, and what the engine said for those who look after the subject: it may quote data."""
    job = last_failure(subject) if manages else None
    return Failure(code, remedy, job if access.can("jobs.view") else None, job.technical if job else "")


def _of_dataset(access: Access, dataset: Dataset, manages: bool) -> Remedy | None:
    if dataset.error_code in OF_THE_SOURCE:
        return of_source(access, dataset.workspace, dataset.source)
    if dataset.error_code == "no_grant":
        return Remedy(
            _("Whoever looks after the organization's data has to share the table or its rows again.")
        )
    if dataset.error_code in OF_THE_TABLE:
        if manages and dataset.kind == Dataset.Kind.USER_TAGS:
            url = reverse("datasets:edit", args=[dataset.workspace.slug, dataset.pk])
            return Remedy(_("Mend the table, or let the dataset read it otherwise."), url, _("Edit it"))
        return Remedy(
            _("Mend the table, or ask %(owner)s to edit the dataset.")
            % {"owner": dataset.owner or _("its owner")}
        )
    return passing(dataset.error_code)


def of_source(access: Access, workspace: Any, source: str) -> Remedy:
    """For whoever looks after the connection."""
    if source == LAKE:
        return Remedy(_("Whoever looks after the data sources has to correct the connection of the table."))
    text = _("Whoever looks after the data source “%(name)s” has to correct its connection.") % {
        "name": in_place.name_of(workspace, source)
    }
    if access.can(SEE_SOURCES):
        return Remedy(
            text, reverse("datasources:source", args=[workspace.slug, source]), _("Open the data source")
        )
    return Remedy(text)


def passing(code: str) -> Remedy | None:
    if code in PASSING:
        return Remedy(_("This passes by itself: refresh again later."))
    return None
