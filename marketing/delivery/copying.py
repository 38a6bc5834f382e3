"""New send-outs from old ones: a copy to change, and the same message once more to those who failed."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cdp.core import audit, naming
from cdp.core.access import Access
from cdp.core.errors import Conflict
from insight.campaigns import links
from insight.campaigns import rights as campaign_rights
from marketing.delivery import composition, quotas, services
from marketing.delivery.campaign_links import KIND
from marketing.delivery.failed import NO_REPORT, failed_of, gone
from marketing.delivery.models import Recipient, SendOut


def copy(access: Access, send_out: SendOut, *, name: str = "") -> SendOut:
    """A draft of one's own with the same message, audience and campaigns, but no time."""
    timing = ("scheduled_at", "recurrence")
    values = {field: getattr(send_out, field) for field in services.FIELDS if field not in timing}
    values["name"] = name or free_name(send_out, _("copy"))
    values |= vars(composition.whole(send_out))
    return services.create(access, send_out.channel, {**values, "campaigns": _campaigns(access, send_out)})


def can_resend(send_out: SendOut) -> bool:
    """Answers to people who wrote are not repeated: they are written to anew."""
    return not send_out.origin and send_out.state in SendOut.OVER and failed_of(send_out).exists()


def resend(access: Access, send_out: SendOut, *, name: str = "") -> SendOut:
    """A draft of the same message, frozen as it was, to exactly those who failed.

    Who they are is settled when it starts: a report that still comes in takes its person out.
    """
    access.require(f"marketing.{send_out.channel}.create")
    services.check_owner(send_out, access)
    if send_out.rows_deleted_at is not None:
        raise gone()
    if not can_resend(send_out):
        raise Conflict(_("There is nobody here whose message has failed for certain."), code="nobody_failed")
    quotas.check(access.workspace, send_out.channel)
    values = {field: getattr(send_out, field) for field in services.FIELDS}
    values.update(name=name or free_name(send_out, _("again")), scheduled_at=None, limit=None, holdout=0)
    values["recurrence"] = {}
    again = SendOut(
        workspace=access.workspace,
        channel=send_out.channel,
        owner=access.user,
        edited_by=access.user,
        resend_of=send_out,
        content=send_out.content,
        audience_version=send_out.audience_version,
        **{**values, "refresh_first": False},
    )
    with transaction.atomic():
        services.save(again, force_insert=True)
        composition.write(again, composition.Parts(variants=composition.shares_of(send_out)))
        audit.record(access, "send_out.resend_created", again, after={"of": send_out.pk, "name": again.name})
        links.link(access, KIND, again, links.checked(access, _campaigns(access, send_out)))
    return again


def write_failed(send_out: SendOut) -> None:
    """The ledger of a resend: the failed of its original, with the same targets and texts.

    Raises Conflict once the original's recipients are no longer kept.
    """
    table = Recipient._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        original = SendOut.objects.select_for_update(of=("self",), no_key=True).get(pk=send_out.resend_of_id)
        if original.rows_deleted_at is not None:
            raise gone()
        cursor.execute(
            f"""
            INSERT INTO {table} (send_out_id, person, person_hash, target, ending, "values", variant, zone, state,
                                 reason, code, detail, provider_message_id)
            SELECT %s, person, person_hash, target, ending, "values", variant, zone, 'queued',
                   '', '', '', '' FROM {table}
             WHERE send_out_id = %s AND state = 'failed' AND code <> %s
            ON CONFLICT (send_out_id, person_hash) DO NOTHING
            """,
            [send_out.pk, original.pk, NO_REPORT],
        )


def free_name(send_out: SendOut, word: str) -> str:
    """“Spring (copy)”, “Spring (copy 2)” …: the first that no send-out of the channel has."""
    rows = SendOut.objects.filter(workspace=send_out.workspace_id, channel=send_out.channel)
    return naming.first_free(send_out.name, naming.numbered(word), set(rows.values_list("name", flat=True)))


def _campaigns(access: Access, send_out: SendOut) -> list[str]:
    """Those of the send-out that the person may link to as well."""
    rows = campaign_rights.linkable(access).filter(pk__in=links.ids_of(KIND, send_out.pk))
    return list(rows.values_list("pk", flat=True))
