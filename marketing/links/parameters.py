"""Short parameters: `${sp_<code of the link>}` behind a short link in an SMS, six characters per phone number.

Nothing is kept for each recipient: the characters are the number under the workspace's key (see `codes`), which only
this installation can turn back. Each link remembers the key that it was first sent with, so keys can be replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from marketing.links import codes
from marketing.links.models import LinkKey, ShortLink

PREFIX = "sp_"
PARAMETER = re.compile(rf"\$\{{{PREFIX}([0-9A-Za-z]{{{codes.LENGTH}}})\}}")


def codes_in(*texts: str) -> list[str]:
    """Codes of the links whose short parameters stand in the texts, each once."""
    return list(dict.fromkeys(code for text in texts for code in PARAMETER.findall(text or "")))


def keys_of(workspace: Any, *texts: str) -> dict[str, str]:
    """Per name of a parameter in the texts (`sp_AbC123`) the key of its link, which the link has from then on."""
    found = codes_in(*texts)
    if not found:
        return {}
    with transaction.atomic():
        rows = ShortLink.objects.in_workspace(workspace).filter(code__in=found)
        rows.filter(parameter_key=None).update(parameter_key=_current(workspace))
        kept = rows.select_related("parameter_key").exclude(parameter_key=None)
        return {PREFIX + row.code: row.parameter_key.key for row in kept if row.parameter_key is not None}


def values(keys: Mapping[str, str], mobile: str) -> dict[str, str]:
    """What stands for the parameters in the text to this number; "" where it is no mobile number."""
    length = codes.PARAMETER_LENGTH
    return {name: codes.person_code(key, mobile, length) or "" for name, key in keys.items()}


def person_of(link: ShortLink, code: str) -> str:
    """The person's code as clicks keep it, from the address that was followed; "" where it names nobody."""
    if len(code) == codes.PERSON_LENGTH:
        return code if codes.mobile_of(link.key, code) else ""
    if link.parameter_key is None:
        return ""
    mobile = codes.mobile_of(link.parameter_key.key, code, codes.PARAMETER_LENGTH)
    return (codes.person_code(link.key, mobile) or "") if mobile else ""


def strangers(workspace: Any, texts: Iterable[str]) -> list[str]:
    """Parameters that do not stand behind the short address of their own link, or whose link is not there."""
    found = []
    known = {row.code: row for row in _links(workspace, *texts)}
    for text in texts:
        for match in PARAMETER.finditer(text or ""):
            link = known.get(match[1])
            if link is None or not text[: match.start()].endswith(f"{link.url}?ph="):
                found.append(match[0])
    return found


def _links(workspace: Any, *texts: str) -> Iterable[ShortLink]:
    return ShortLink.objects.in_workspace(workspace).filter(code__in=codes_in(*texts), deleted_at=None)


def _current(workspace: Any) -> LinkKey:
    """The key in use. Texts that are sent at once share the workspace's first one, whose ID is known beforehand."""
    kept = LinkKey.objects.in_workspace(workspace)
    if not kept.exists():
        owner = str(getattr(workspace, "pk", workspace))
        LinkKey.objects.bulk_create([LinkKey(id=f"lky_{owner}", workspace_id=owner)], ignore_conflicts=True)
    return kept.latest("created_at")
