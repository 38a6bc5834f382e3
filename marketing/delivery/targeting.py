"""Whom a send-out goes to: one audience or several, less the members of others."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from cdp.jobs import JobContext
from insight.audiences import gathering
from insight.audiences import queries as audiences
from insight.audiences.models import Audience, AudienceVersion
from marketing.delivery import decrypting, hashed, offering, queries
from marketing.delivery.models import SendOut
from marketing.delivery.targets import id_type_of

MOST = 10
"""Audiences that a send-out goes to, and as many that it leaves out."""


def included(send_out: SendOut) -> list[Audience]:
    """The audiences that it goes to, the first one first."""
    first = [send_out.audience] if send_out.audience else []
    return [*first, *_others(send_out, excluded=False)]


def excluded(send_out: SendOut) -> list[Audience]:
    """The audiences whose members get nothing."""
    return _others(send_out, excluded=True)


def _others(send_out: SendOut, *, excluded: bool) -> list[Audience]:
    return [row.audience for row in send_out.parts.filter(excluded=excluded).select_related("audience")]


def problems(
    wanted: list[Audience], banned: list[Audience], id_type: str, *, hashes: bool = False
) -> dict[str, list[str]]:
    """What keeps audiences from being used together, by field: `audiences` and `exclude`.

    `hashes`: people are also reached who are known by a hash of the ID only.
    """
    first = wanted[0]
    found = {
        "audiences": _unusable(wanted, id_type, hashes=hashes),
        "exclude": _unusable(banned, id_type, hashes=hashes),
    }
    for field, rows in (("audiences", wanted), ("exclude", banned)):
        if len(rows) > MOST:
            found[field].append(_("At most %(most)d audiences.") % {"most": MOST})
        elsewhere = [row.name for row in rows if row.source != first.source]
        if elsewhere:
            found[field].append(
                _(
                    "All audiences must live in one data source. These do not live where “%(first)s” does: %(names)s"
                )
                % {"first": first.name, "names": ", ".join(elsewhere)}
            )
    others = [row.name for row in wanted if row.known_by != first.known_by]
    if others:
        found["audiences"].append(
            _("These know their people by another ID, or by another form of it, than “%(first)s”: %(names)s")
            % {"first": first.name, "names": ", ".join(others)}
        )
    both = [row.name for row in banned if row in wanted]
    if both:
        found["exclude"].append(
            _("These are among those that it goes to: %(names)s") % {"names": ", ".join(both)}
        )
    return {field: messages for field, messages in found.items() if messages}


def check(wanted: list[Audience], banned: list[Audience], id_type: str, *, hashes: bool = False) -> None:
    """Raises ValidationFailed with `problems`."""
    if errors := problems(wanted, banned, id_type, hashes=hashes):
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _unusable(rows: list[Audience], id_type: str, *, hashes: bool) -> list[str]:
    held = [row for row in rows if id_type in {item["id_type"] for item in audiences.id_types(row)}]
    found = []
    if names := [row.name for row in rows if row not in held]:
        found.append(
            _(
                "Without a column of the ID that the channel needs (%(type)s): %(names)s. Save them with that ID."
            )
            % {"type": ID_TYPES[id_type].label, "names": ", ".join(names)}
        )
    refused = [] if hashes else [row for row in held if offering.is_hashed(row, id_type)]
    if names := [row.name for row in refused]:
        found.append(
            _(
                "These hold hashes of the ID that the channel needs (%(type)s), and nobody is reached by one: %(names)s"
            )
            % {"type": ID_TYPES[id_type].label, "names": ", ".join(names)}
        )
    return found


def not_computed(send_out: SendOut) -> list[str]:
    """Names of audiences that have no members yet; of one that is left out nobody would be."""
    rows = [*included(send_out), *excluded(send_out)]
    return [row.name for row in rows if audiences.latest_version(row) is None]


def pin(send_out: SendOut, job: JobContext) -> tuple[AudienceVersion, dict[int, AudienceVersion]]:
    """The versions that count: of the first audience, and by key of each part. Refreshes them where that is asked for.

    What was pinned before stays. Raises ValidationFailed where an audience has not been computed.
    """
    parts = list(send_out.parts.select_related("audience", "version"))
    first = send_out.audience_version or _current(included(send_out)[0], send_out, job)
    return first, {row.pk: row.version or _current(row.audience, send_out, job) for row in parts}


def _current(audience: Audience, send_out: SendOut, job: JobContext) -> AudienceVersion:
    if send_out.refresh_first:
        audiences.refresh_now(audience, job)
        audience.refresh_from_db()
    version = audiences.latest_version(audience)
    if version is None:
        raise ValidationFailed(
            _("The audience “%(name)s” has no computed version yet. Refresh it first.")
            % {"name": audience.name},
            code="audience_empty",
        )
    return version


def pinned(send_out: SendOut) -> gathering.Crowd:
    """Everybody of the versions that were fixed when sending started.

    Raises ValidationFailed where one of them is gone: without it nobody would be left out by it; and where they hold
    hashes and the channel reaches nobody by one.
    """
    parts = list(send_out.parts.select_related("version__audience"))
    kept = [row.version for row in parts if row.version is not None]
    if send_out.audience_version is None or len(kept) < len(parts):
        raise ValidationFailed(
            _("The audience has no computed version yet. Refresh it first."), code="audience_empty"
        )
    more = [row.version for row in parts if row.version is not None and not row.excluded]
    banned = [row.version for row in parts if row.version is not None and row.excluded]
    crowd = gathering.Crowd(
        [send_out.audience_version, *more],
        banned,
        id_type_of(send_out),
        decrypting.is_encrypted(send_out),
    )
    if crowd.form != "plain" and not hashed.reaches(send_out):
        raise ValidationFailed(
            _("The audiences hold hashes of the ID only, and nobody is reached by one."), code="no_usable_id"
        )
    return crowd


def as_computed(
    wanted: list[Audience], banned: list[Audience], id_type: str, *, encrypted: bool = False
) -> gathering.Crowd:
    """Everybody as the audiences were computed last. Raises ValidationFailed where one has not been."""
    versions: list[list[AudienceVersion]] = []
    for rows in (wanted, banned):
        found = [(row, audiences.latest_version(row)) for row in rows]
        missing = [row.name for row, version in found if version is None]
        if missing:
            raise ValidationFailed(
                _("These audiences have not been computed yet: %(names)s.") % {"names": ", ".join(missing)},
                code="audience_empty",
            )
        versions.append([version for _row, version in found if version is not None])
    return gathering.Crowd(versions[0], versions[1], id_type, encrypted)


def people(send_out: SendOut) -> int:
    """How many people its audiences have, less those left out by exclusion; from the ledger once they stand there."""
    wanted, banned = included(send_out), excluded(send_out)
    if send_out.resolved_at is not None:
        numbers = queries.effect(send_out)
        return int(numbers["target"] - numbers["excluded"])
    if len(wanted) == 1 and not banned:
        version = send_out.audience_version or audiences.latest_version(wanted[0])
        return version.count if version else 0
    try:
        id_type = id_type_of(send_out)
        encrypted = decrypting.is_encrypted(send_out)
        found = gathering.reach(as_computed(wanted, banned, id_type, encrypted=encrypted))
    except ValidationFailed:
        return 0
    return found.people - found.left_out
