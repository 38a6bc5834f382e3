"""What of an audience or an AIPL model can be pushed: its IDs, tags of an audience's datasets, what a model says."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from admin_center.organizations import id_key
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.pushes import sources
from insight.pushes.targets.base import PLAIN, Target

MOST_FIELDS = 200
ALIAS_LENGTH = 64


def offered(access: Access, subject: Any, target: Target) -> dict[str, list[dict[str, Any]]]:
    """What of an audience or an AIPL model can be pushed to a kind of system.

    `{"ids": [{"column", "id_type", "label", "identifier", "stored", "encryptions"}], "unusable": [{…, "reason"}],
    "tags": [{"dataset", …}], "facts": [{"column", "label"}]}`. `unusable` are IDs that cannot go there; `facts` go
    along always.
    """
    source = sources.of(subject)
    has_key = id_key.is_set(access.workspace)
    found: dict[str, list[dict[str, Any]]] = {"ids": [], "unusable": []}
    for item in source.ids():
        stored = item["encryption"]
        row = {
            "column": item["column"],
            "id_type": item["id_type"],
            "label": item["label"],
            "identifier": item["column"] == "user_unique_id",
            "stored": stored,
        }
        reason = refusal(target, item["id_type"], stored)
        if reason:
            found["unusable"].append({**row, "reason": reason})
        else:
            found["ids"].append({**row, "encryptions": forms(stored, has_key=has_key)})
    return {
        **found,
        "tags": source.tags(access) if target.tags else [],
        "facts": [{"column": key, "label": str(label)} for key, label in source.facts.items()],
    }


def refusal(target: Target, id_type: str, stored: str) -> str:
    """Why IDs of a type that are stored in a form cannot go to a kind of system; empty where they can."""
    if target.id_types is not None and id_type not in target.id_types:
        names = ", ".join(str(kind.label) for key, kind in ID_TYPES.items() if key in target.id_types)
        return _("%(target)s takes these IDs only: %(names)s.") % {"target": target.label, "names": names}
    if stored == "aes" and not target.aes:
        return _("%(target)s takes no IDs that are stored AES-encrypted.") % {"target": target.label}
    return ""


def forms(stored: str, *, has_key: bool) -> list[str]:
    """In which forms an ID can be sent, the one that it is stored in first. A hash can be sent as it is only."""
    if stored == "plain":
        return list(PLAIN)
    return ["aes", *PLAIN] if stored == "aes" and has_key else [stored]


def default_alias(item: dict[str, Any], ids: list[dict[str, Any]]) -> str:
    """What an ID is called over there unless told: its type, or its column where several have the type."""
    several = sum(other["id_type"] == item["id_type"] for other in ids) > 1
    return str(item["column"] if several else item["id_type"])


def checked(access: Access, subject: Any, target: Target, given: Any) -> list[dict[str, Any]]:
    """The chosen fields in their stored form. Raises ValidationFailed with paths below `fields`."""
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise ValidationFailed(errors={"fields": [_("Give a list of fields.")]})
    found = offered(access, subject, target)
    errors: dict[str, list[str]] = {}
    fields = []
    for index, item in enumerate(given):
        field, wrong = _checked(item, found)
        fields.append(field)
        errors |= {f"fields/{index}/{part}": [text] for part, text in wrong.items()}
    named = {field["column"] for field in fields if field["kind"] == "fact"}
    left = [item["column"] for item in found["facts"] if item["column"] not in named]
    fields += [{"kind": "fact", "column": column, "alias": column} for column in left]
    errors = errors or _together(fields)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return fields


def _checked(
    item: dict[str, Any], found: dict[str, list[dict[str, Any]]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """A field in its stored form, and what is wrong with it by its part."""
    kind = item.get("kind")
    column, dataset = item.get("column"), item.get("dataset")
    if kind == "id":
        offer = next((row for row in found["ids"] if row["column"] == column), None)
    elif kind == "fact":
        offer = next((row for row in found["facts"] if row["column"] == column), None)
    else:
        kind = "tag"
        offer = next(
            (row for row in found["tags"] if (row["dataset"], row["column"]) == (dataset, column)), None
        )
    field: dict[str, Any] = {"kind": kind, "column": str(column), "alias": str(column)}
    if offer is None:
        refused = [row["reason"] for row in found["unusable"] if kind == "id" and row["column"] == column]
        return field, {"column": refused[0] if refused else _("This field cannot be pushed there.")}
    wrong = {}
    alias = item.get("alias") or (default_alias(offer, found["ids"]) if kind == "id" else offer["column"])
    if not isinstance(alias, str) or not 1 <= len(alias.strip()) <= ALIAS_LENGTH:
        wrong["alias"] = _("Use at most %(length)d characters.") % {"length": ALIAS_LENGTH}
    else:
        field["alias"] = alias.strip()
    if kind == "tag":
        field["dataset"] = dataset
    if kind == "id":
        wanted = item.get("encryption") or offer["encryptions"][0]
        field |= {"id_type": offer["id_type"], "stored": offer["stored"], "encryption": wanted}
        if wanted in PLAIN and offer["encryptions"] == ["aes"]:
            wrong["encryption"] = _("The IDs are AES-encrypted, and the organization has no key yet.")
        elif wanted not in offer["encryptions"]:
            wrong["encryption"] = _("Choose one of %(types)s.") % {"types": ", ".join(offer["encryptions"])}
    return field, wrong


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


def label_of(field: dict[str, Any]) -> str:
    """A pushed field for people."""
    if field["kind"] != "id":
        return str(field["alias"])
    kind = ID_TYPES.get(field["id_type"])
    words = str(kind.label) if kind else field["id_type"]
    form = {"md5": "MD5", "sha256": "SHA-256", "aes": "AES"}.get(field["encryption"])
    return f"{words} ({form})" if form else words
