"""What of an audience can be pushed: the IDs it was saved with, and tags of the datasets that it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import queries
from insight.audiences.models import Audience, Dependency
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset
from insight.pushes.targets.base import PLAIN, Target

MOST_FIELDS = 200
ALIAS_LENGTH = 64


def sources(audience: Audience) -> set[str]:
    """IDs of the datasets that the audience is made from, also through other audiences."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = {audience.pk}
    while waiting:
        seen |= waiting
        rows = Dependency.objects.filter(audience__in=waiting).values_list("kind", "target")
        found |= {target for kind, target in rows if kind == Dependency.Kind.DATASET}
        waiting = {target for kind, target in rows if kind == Dependency.Kind.AUDIENCE} - seen
    return found


def all_user_tags(audience: Audience) -> bool:
    """Whether everything that the audience is made from are user-tag datasets: then it may be pushed by the hour."""
    kinds = Dataset.objects.filter(pk__in=sources(audience)).values_list("kind", flat=True)
    return bool(kinds) and set(kinds) <= set(TAG_KINDS)


def offered(access: Access, audience: Audience, target: Target) -> dict[str, list[dict[str, Any]]]:
    """`{"ids": [{"column", "id_type", "label", "identifier", "stored", "encryptions"}], "tags": [{"dataset", …}]}`."""
    ids = []
    for item in queries.id_types(audience):
        if target.id_types is not None and item["id_type"] not in target.id_types:
            continue
        stored = item["encryption"]
        if stored == "aes" and not target.aes:
            continue
        ids.append(
            {
                "column": item["column"],
                "id_type": item["id_type"],
                "label": item["label"],
                "identifier": item["column"] == "user_unique_id",
                "stored": stored,
                "encryptions": list(PLAIN) if stored == "plain" else [stored],
            }
        )
    return {"ids": ids, "tags": _tags(access, audience) if target.tags else []}


def _tags(access: Access, audience: Audience) -> list[dict[str, Any]]:
    rows = rights.visible(access).filter(pk__in=sources(audience), kind__in=TAG_KINDS).order_by("name")
    return [
        {
            "dataset": row.pk,
            "dataset_name": row.name,
            "column": item.column,
            "label": item.name or item.column,
        }
        for row in rows.prefetch_related("fields")
        for item in row.fields.all()
        if item.role == "tag" and not item.deleted
    ]


def checked(access: Access, audience: Audience, target: Target, given: Any) -> list[dict[str, Any]]:
    """The chosen fields in their stored form. Raises ValidationFailed with paths below `fields`."""
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise ValidationFailed(errors={"fields": [_("Give a list of fields.")]})
    found = offered(access, audience, target)
    ids = {item["column"]: item for item in found["ids"]}
    tags = {(item["dataset"], item["column"]): item for item in found["tags"]}
    errors: dict[str, list[str]] = {}
    fields = []
    for index, item in enumerate(given):
        known = ids if item.get("kind") == "id" else tags
        key = item.get("column") if known is ids else (item.get("dataset"), item.get("column"))
        offer = known.get(key)  # type: ignore[call-overload]
        if offer is None:
            errors[f"fields/{index}/column"] = [_("This field cannot be pushed there.")]
            continue
        default = offer["id_type"] if known is ids else offer["column"]
        alias = item.get("alias") or default
        if not isinstance(alias, str) or not 1 <= len(alias.strip()) <= ALIAS_LENGTH:
            errors[f"fields/{index}/alias"] = [
                _("Use at most %(length)d characters.") % {"length": ALIAS_LENGTH}
            ]
            continue
        field = {"kind": "id" if known is ids else "tag", "column": offer["column"], "alias": alias.strip()}
        if known is ids:
            wanted = item.get("encryption") or offer["encryptions"][0]
            if wanted not in offer["encryptions"]:
                errors[f"fields/{index}/encryption"] = [
                    _("Choose one of %(types)s.") % {"types": ", ".join(offer["encryptions"])}
                ]
            field |= {"id_type": offer["id_type"], "stored": offer["stored"], "encryption": wanted}
        else:
            field["dataset"] = offer["dataset"]
        fields.append(field)
    if not errors:
        errors = _together(fields)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return fields


def _together(fields: list[dict[str, Any]]) -> dict[str, list[str]]:
    if not any(field["kind"] == "id" for field in fields):
        return {"fields": [_("Choose at least one ID.")]}
    if len(fields) > MOST_FIELDS:
        return {"fields": [_("Choose at most %(most)d fields.") % {"most": MOST_FIELDS}]}
    names = [field["alias"] for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return {"fields": [_("Two fields are called “%(name)s”.") % {"name": twice[0]}]}
    return {}


def hashing(field: dict[str, Any]) -> Callable[[str], str] | None:
    """How the values of an ID are hashed on their way out; None where they go as they are stored."""
    if field.get("stored") != "plain" or field.get("encryption") not in ("md5", "sha256"):
        return None
    name = field["encryption"]
    return lambda value: hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()


def label_of(field: dict[str, Any]) -> str:
    """A pushed field for people."""
    if field["kind"] == "tag":
        return str(field["alias"])
    kind = ID_TYPES.get(field["id_type"])
    words = str(kind.label) if kind else field["id_type"]
    form = {"md5": "MD5", "sha256": "SHA-256", "aes": "AES"}.get(field["encryption"])
    return f"{words} ({form})" if form else words
