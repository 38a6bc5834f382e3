"""Digital SMS: texts, pictures, sounds and at most one video, one below the other.

A part is `{"kind": "text", "text": …}`, or a material of the library with what is known of its file:
`{"kind": "image", "material", "name", "sha256", "format", "size"}`. Text alone of it is kept in `Template.text`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from marketing.channels import capabilities
from marketing.channels.models import Provider
from marketing.content import rendering, writing
from marketing.content.models import Signature, Template
from marketing.links import parameters
from marketing.materials import services as materials
from marketing.materials import serving
from marketing.materials.models import Material

TEXT = "text"
LABELS = {
    TEXT: gettext_lazy("Words"),
    Material.Kind.IMAGE.value: Material.Kind.IMAGE.label,
    Material.Kind.AUDIO.value: Material.Kind.AUDIO.label,
    Material.Kind.VIDEO.value: Material.Kind.VIDEO.label,
}
FORMATS = {"image": ("jpg", "png", "gif"), "audio": ("mp3",), "video": ("mp4",)}
MOST_PARTS = 15
MOST_BYTES = 1_900_000
"""Of all parts together: what carriers take, which is less than the library."""
LONGEST_TEXT, LONGEST_SUBJECT = 500, 20
_SNAPSHOT = ("material", "name", "sha256", "format", "size")


@dataclass(frozen=True)
class Written:
    """A digital SMS as platforms get it: parts name the addresses of their files."""

    name: str
    subject: str
    signature: Signature
    note: str
    parts: list[dict[str, Any]]
    is_digital: bool = True


def written(template: Template) -> Written:
    assert template.signature is not None
    parts = with_addresses(template.parts, serving.address)
    return Written(template.name, template.subject, template.signature, template.note, parts)


def with_addresses(
    parts: Sequence[dict[str, Any]], address: Callable[[Material], str] = serving.path
) -> list[dict[str, Any]]:
    """Parts with the `url` of each file, which everybody finds who was told."""
    return [
        part
        if part["kind"] == TEXT
        else {
            **part,
            "url": address(Material(sha256=part["sha256"], format=part["format"])),
        }
        for part in parts
    ]


def text_of(parts: Sequence[dict[str, Any]]) -> str:
    """All its words."""
    return "\n".join(part["text"] for part in parts if part["kind"] == TEXT)


def size_of(parts: Sequence[dict[str, Any]]) -> int:
    """Bytes of all parts together."""
    return sum(len(part["text"].encode()) if part["kind"] == TEXT else part["size"] for part in parts)


def taken(access: Access, template: Template, given: Any) -> list[dict[str, Any]]:
    """The parts as they are kept. Raises ValidationFailed with paths such as parts/2/text.

    Materials are those that the person sees, and those of the workspace's templates, which everybody here sees.
    """
    if not isinstance(given, list) or not all(isinstance(part, dict) for part in given):
        raise ValidationFailed(errors={"parts": [_("A list of parts is needed here.")]})
    wanted = [str(part["material"]) for part in given if part.get("material")]
    seen = {row.pk: row for row in materials.visible(access).filter(pk__in=wanted)}
    has = _in_templates(template.workspace_id, [key for key in wanted if key not in seen])
    errors: dict[str, list[str]] = {}
    parts: list[dict[str, Any]] = []
    for place, part in enumerate(given):
        kind, key = part.get("kind"), str(part.get("material", ""))
        if kind == TEXT and isinstance(part.get("text"), str):
            parts.append({"kind": TEXT, "text": part["text"].replace("\r\n", "\n").strip()})
        elif key in seen and seen[key].kind == kind:
            parts.append({"kind": kind, **_snapshot(seen[key])})
        elif key in has and has[key]["kind"] == kind:
            parts.append(has[key])
        else:
            errors[f"parts/{place}"] = [_("Write something, or choose a material of the library.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return parts


def _in_templates(workspace: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parts of templates, by the material that they show."""
    which = Q()
    for key in keys:
        which |= Q(parts__contains=[{"material": key}])
    rows = Template.objects.in_workspace(workspace).filter(which) if keys else []
    return {part["material"]: part for row in rows for part in row.parts if part.get("material") in keys}


def as_part(material: Material) -> dict[str, Any]:
    """A material as the part that it would be, with its address."""
    return with_addresses([{"kind": material.kind, **_snapshot(material)}])[0]


def _snapshot(material: Material) -> dict[str, Any]:
    values = {"material": material.pk, **{name: getattr(material, name) for name in _SNAPSHOT[1:]}}
    return {name: values[name] for name in _SNAPSHOT}


def problems(template: Template) -> dict[str, list[str]]:
    """What keeps a digital SMS from being saved, by field."""
    errors: dict[str, list[str]] = {}
    if not 1 <= len(template.subject.strip()) <= LONGEST_SUBJECT:
        errors["subject"] = [_("A subject has 1 to %(most)d characters.") % {"most": LONGEST_SUBJECT}]
    if template.signature is None or template.signature.workspace_id != template.workspace_id:
        errors["signature"] = [_("Choose a signature.")]
    elif not capabilities.of(template.signature.provider).digital:
        errors["signature"] = [_("The platform of this signature sends no digital SMS.")]
    for place, part in enumerate(template.parts):
        if messages := _part_problems(part):
            errors[f"parts/{place}"] = messages
    found = []
    if len(template.parts) > MOST_PARTS:
        found.append(_("At most %(most)d parts.") % {"most": MOST_PARTS})
    if sum(part["kind"] == Material.Kind.VIDEO for part in template.parts) > 1:
        found.append(_("A digital SMS has at most one video."))
    if size_of(template.parts) > MOST_BYTES:
        found.append(
            _("All parts together have at most 1.9 MB; these have %(size).1f MB.")
            % {"size": size_of(template.parts) / 1_000_000}
        )
    if found:
        errors["parts"] = found
    if rendering.VARIABLE.search(template.subject) or parameters.codes_in(template.subject):
        errors.setdefault("subject", []).append(_no_variables())
    return errors


def _part_problems(part: dict[str, Any]) -> list[str]:
    if part["kind"] != TEXT:
        formats = FORMATS.get(part["kind"], ())
        if part["format"] in formats:
            return []
        return [
            _("Carriers take %(formats)s here.") % {"formats": ", ".join(formats).upper()}
            if formats
            else _("Digital SMS have texts, pictures, sounds and videos.")
        ]
    if not 1 <= len(part["text"]) <= LONGEST_TEXT:
        return [_("A text has 1 to %(most)d characters.") % {"most": LONGEST_TEXT}]
    if rendering.VARIABLE.search(part["text"]) or parameters.codes_in(part["text"]):
        return [_no_variables()]
    return writing.problems(part["text"])


def _no_variables() -> str:
    return _("Digital SMS are the same for everybody: they have no variables.")


def same_words(template: Template, other: Template) -> bool:
    """Whether carriers would look at the same."""

    def words(row: Template) -> tuple[Any, ...]:
        said = [part.get("text") or part.get("sha256") for part in row.parts]
        return row.subject, row.signature_id, said

    return words(template) == words(other)


def platforms(workspace: Any) -> list[Provider]:
    """The platforms that send digital SMS."""
    rows = Provider.objects.in_workspace(workspace).filter(channel=Provider.Channel.SMS)
    return [row for row in rows if capabilities.of(row).digital]
