"""What a mail made of blocks may hold."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cdp.core.errors import ValidationFailed
from cdp.core.shapes import problem_text

MAX_BLOCKS = 60
_WEB = re.compile(r"https?://[^\s\"'<>]+")
LINK = re.compile(r"(https?://|mailto:|tel:)[^\s\"'<>]+")


def _link(value: str) -> str:
    if value and not LINK.fullmatch(value):
        raise ValueError(_("Give an address that starts with https://, http://, mailto: or tel:."))
    return value


def _picture(value: str) -> str:
    if value and not _WEB.fullmatch(value):
        raise ValueError(_("Choose a picture, or give an address that starts with https:// or http://."))
    return value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(_("Give a colour as #rrggbb."))
    return value.lower()


Line = Annotated[str, Field(min_length=1, max_length=200)]
ShortText = Annotated[str, Field(max_length=200)]
LongText = Annotated[str, Field(max_length=10_000)]
Link = Annotated[str, Field(max_length=2_000), AfterValidator(_link)]
Picture = Annotated[str, Field(max_length=2_000), AfterValidator(_picture)]
Colour = Annotated[str, AfterValidator(_colour)]
Align = Literal["left", "center", "right"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Heading(_Part):
    kind: Literal["heading"]
    text: Line
    size: Literal["large", "medium", "small"] = "large"
    align: Align = "left"


class Text(_Part):
    """Paragraphs in Markdown: **bold**, *italic*, [links](https://…) and lists."""

    kind: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    align: Align = "left"
    size: Literal["normal", "small"] = "normal"


class Image(_Part):
    """`alt` is read to those who do not see it; `width` in per cent of the mail's."""

    kind: Literal["image"]
    src: Annotated[Picture, Field(min_length=1)]
    alt: Line
    url: Link = ""
    width: Annotated[int, Field(ge=10, le=100)] = 100
    align: Align = "center"


class Button(_Part):
    kind: Literal["button"]
    label: Line
    url: Annotated[Link, Field(min_length=1)]
    align: Align = "center"


class Divider(_Part):
    kind: Literal["divider"]


class Spacer(_Part):
    """`height` in pixels."""

    kind: Literal["spacer"]
    height: Annotated[int, Field(ge=4, le=120)] = 24


class Card(_Part):
    """One of the columns: a picture, a title, a text and a button, as far as they are given."""

    src: Picture = ""
    alt: ShortText = ""
    title: ShortText = ""
    text: LongText = ""
    label: ShortText = ""
    url: Link = ""


class Columns(_Part):
    kind: Literal["columns"]
    items: Annotated[list[Card], Field(min_length=2, max_length=3)]


Block = Annotated[Heading | Text | Image | Button | Divider | Spacer | Columns, Field(discriminator="kind")]


class Design(_Part):
    """Blocks from top to bottom, the colours, and what inboxes show behind the subject (`preheader`)."""

    blocks: Annotated[list[Block], Field(min_length=1, max_length=MAX_BLOCKS)]
    preheader: ShortText = ""
    background: Colour = "#f1f5f6"
    surface: Colour = "#ffffff"
    ink: Colour = "#1f2937"
    accent: Colour = "#0b6477"
    font: Literal["sans", "serif"] = "sans"


def parse(given: Any) -> Design:
    """The design; raises ValidationFailed, whose errors have paths such as "design/blocks/2/url"."""
    try:
        return Design.model_validate(given)
    except ValidationError as error:
        errors: dict[str, list[str]] = {}
        for found in error.errors():
            # The kind of a block stands in the path, between its number and its field.
            where = found["loc"]
            path = map(str, where[:2] + where[3:] if where[:1] == ("blocks",) else where)
            errors.setdefault("/".join(["design", *path]), []).append(problem_text(found))
        raise ValidationFailed(_("Some blocks need another value."), errors=errors) from None
