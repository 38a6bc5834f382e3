"""Materials as messages show them, without signing in."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from marketing.materials import serving
from marketing.materials.models import Material


@require_safe
def file(request: HttpRequest, digest: str, kind: str) -> HttpResponse:
    """The file with this SHA-256, while any library keeps it."""
    material = Material.objects.filter(sha256=digest, format=kind).order_by("created_at").first()
    if material is None:
        raise Http404
    return serving.public(material)
