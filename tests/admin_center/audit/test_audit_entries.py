from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.audit.services import log_download, without_secrets
from admin_center.audit.tasks import drop_old_entries
from cdp.core import audit
from tests.factories import make_access

pytestmark = pytest.mark.django_db


def test_an_entry_tells_who_did_what_to_which_object() -> None:
    access = make_access()
    audit.record(access, "audience.renamed", access.workspace, before={"name": "A"}, after={"name": "B"})
    entry = AuditEntry.objects.get(action="audience.renamed")
    assert (entry.actor, entry.workspace, entry.organization) == (
        access.user,
        access.workspace,
        access.workspace.organization,
    )
    assert (entry.object_type, entry.object_id) == ("organizations.workspace", access.workspace.pk)
    assert (entry.before, entry.after, entry.via) == ({"name": "A"}, {"name": "B"}, "system")


def test_the_name_of_a_person_who_is_gone_stays_readable() -> None:
    access = make_access()
    audit.record(access, "audience.renamed")
    name = str(access.user)
    access.user.delete()
    entry = AuditEntry.objects.get(action="audience.renamed")
    assert (entry.actor, entry.actor_name) == (None, name)


def test_what_is_rolled_back_leaves_no_entry() -> None:
    access = make_access()
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(access, "audience.renamed")
        raise RuntimeError
    assert not AuditEntry.objects.filter(action="audience.renamed").exists()


def test_secrets_are_hidden_wherever_they_stand() -> None:
    given = {
        "name": "x",
        "smtp_password": "p",
        "config": [{"api_key": "k", "port": 25}],
        "token": "",
        "at": object,
    }
    kept = without_secrets(given)
    assert kept["smtp_password"] == "•••" and kept["config"] == [{"api_key": "•••", "port": 25}]
    assert kept["name"] == "x" and kept["token"] == "" and isinstance(kept["at"], str)


def test_a_download_is_in_both_logs() -> None:
    access = make_access()
    log_download(access, access.workspace, action="audience.exported", rows=7, unmasked=True)
    kept = DownloadLog.objects.get()
    assert (kept.user, kept.rows, kept.unmasked, kept.object_id) == (
        access.user,
        7,
        True,
        access.workspace.pk,
    )
    assert AuditEntry.objects.get(action="audience.exported").detail == {
        "rows": 7,
        "format": "csv",
        "unmasked": True,
    }


def test_entries_are_kept_for_24_months() -> None:
    access = make_access()
    audit.record(access, "audience.created")
    audit.record(access, "audience.deleted")
    AuditEntry.objects.filter(action="audience.created").update(at=timezone.now() - timedelta(days=732))
    AuditEntry.objects.filter(action="audience.deleted").update(at=timezone.now() - timedelta(days=730))
    assert drop_old_entries() == 1
    assert AuditEntry.objects.filter(action="audience.deleted").exists()
