"""Answers with the content of a material, which a browser shows but never runs."""

from __future__ import annotations

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from cdp.core.errors import NotFound
from marketing.materials import formats
from marketing.materials.models import Material

_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"


def address(material: Material) -> str:
    """Where everybody finds the file who was told: messages name it. Nobody guesses the digest of a content."""
    return settings.BASE_URL + path(material)


def path(material: Material) -> str:
    """The same for pages of ours."""
    return reverse("material-file", args=[material.sha256, material.format])


def public(material: Material) -> HttpResponse:
    """As `content`, to be kept by mail programs and whoever stands between."""
    response = content(material)
    # Another workspace may have uploaded the same file under a name of its own.
    response.headers["Content-Disposition"] = "inline"
    response.headers["Cache-Control"] = "public, max-age=86400"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def content(material: Material) -> HttpResponse:
    """The whole file at once, as none is large."""
    return _shown(material.path, material.name)


def thumbnail(material: Material) -> HttpResponse:
    """Its small picture. Raises NotFound where it has none."""
    if not material.thumbnail:
        raise NotFound(_("The material has no small picture."))
    return _shown(material.thumbnail_path, material.thumbnail)


def _shown(where: str, name: str) -> HttpResponse:
    with default_storage.open(where) as file:
        response = HttpResponse(file.read(), content_type=formats.CONTENT_TYPES[where.rpartition(".")[2]])
    response.headers["Content-Disposition"] = content_disposition_header(False, name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
