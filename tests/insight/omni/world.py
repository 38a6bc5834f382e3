"""A small tag pack, and devices that are pushed into omni-domain insight."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from insight.audiences import outside
from insight.audiences.models import Audience
from insight.datasources import services as tables
from insight.omni import pack as packs
from insight.omni import quota
from insight.omni.models import TagPack
from insight.pushes import interfaces
from insight.pushes import services as pushes

RunJobs = Callable[..., Any]
TAGS = "tag_id,name,category\nsex,Sex,People\nstyle,Style,Interests\n"
BASELINE = "tag_id,value,share\nsex,f,0.5\nsex,m,0.5\nstyle,bold,0.2\nstyle,calm,0\n"
PEOPLE = 120
"""Devices of the pack: imei and, for every second one, a mac. Every third is bold, women are those below 90."""


def imei(number: int) -> str:
    return f"{35000000000000 + number:014d}0"


def mac(number: int) -> str:
    return f"aa:bb:cc:00:{number // 256:02x}:{number % 256:02x}"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sex(number: int) -> str:
    return "f" if number < 90 else "m"


def style(number: int) -> str:
    return ("bold", "calm", "")[number % 3]


def device(number: int) -> str:
    return md5(imei(number))


def pack_csv() -> str:
    lines = ["imei_md5,mac_md5,sex,style"]
    lines += [
        f"{md5(imei(number)).upper()},{md5(mac(number)) if number % 2 else ''},{sex(number)},{style(number)}"
        for number in range(PEOPLE)
    ]
    return "\n".join(lines) + "\n"


def table(access: Any, name: str, text: str, run_jobs: RunJobs) -> None:
    upload = tables.create_upload(access, BytesIO(text.encode()), f"{name}.csv")
    tables.start_import(access, upload, name)
    run_jobs()


def manager(access: Any) -> Any:
    access.user.is_manager = True
    access.user.save(update_fields=["is_manager"])
    return access


def installed(access: Any, run_jobs: RunJobs, *, baseline: bool = True) -> TagPack:
    """A pack for the organization of a manager, and a quota of a million IDs."""
    for name, text in (("pack", pack_csv()), ("tags", TAGS), ("baseline", BASELINE)):
        table(access, name, text, run_jobs)
    data = {
        "name": "Devices",
        "pack": "pack",
        "tags": "tags",
        **({"baseline": "baseline"} if baseline else {}),
    }
    made, _job = packs.install(manager(access), data)
    run_jobs()
    quota.add(access, {"amount": 10**6})
    made.refresh_from_db()
    return made


def uploaded(access: Any, name: str, ids: list[str], run_jobs: RunJobs, *, kind: str = "imei") -> Audience:
    """An audience of IDs."""
    file = BytesIO("\n".join(ids).encode())
    made, _job = outside.upload(access, file, "ids.txt", {"name": name, "id_type": kind})
    run_jobs()
    return Audience.objects.select_related("workspace", "current").get(pk=made.pk)


def brought_in(access: Any, audience: Audience, run_jobs: RunJobs, *, encryption: str = "none") -> Any:
    """Push an audience into the module, and let it be recognised."""
    found = interfaces.PushInterface.objects.in_workspace(access.workspace).filter(target="omni").first()
    omni = found or interfaces.create(access, {"name": "Omni", "target": "omni"})
    field = {"kind": "id", "column": "user_unique_id", "encryption": encryption}
    row = pushes.push(access, audience, omni, {"fields": [field]})
    run_jobs()
    row.refresh_from_db()
    return row
