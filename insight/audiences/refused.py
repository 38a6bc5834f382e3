"""The lines of an uploaded file that held no valid ID."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from admin_center.audit.services import log_download
from cdp.core.access import Access
from cdp.core.csv_export import escape_formula
from cdp.core.errors import NotFound
from cdp.warehouse import get_engine
from insight.audiences import visibility
from insight.audiences.csv_options import CsvOptions
from insight.audiences.masking import Masker
from insight.audiences.models import Audience


def refused_lines(access: Access, audience: Audience, options: CsvOptions | None = None) -> Iterator[bytes]:
    """The first refused lines of the last file as CSV: line number and what stood there (masked without the right).

    The download is logged before the first byte leaves. Raises PermissionDenied, NotFound.
    """
    options = options or CsvOptions()
    visibility.check_download(access, audience)
    name = audience.origin_detail.get("refused_table")
    if not name or not audience.origin_detail.get("invalid"):
        raise NotFound(_("No line of this audience's file was refused."))
    masker = Masker(access)
    mask = masker.for_type(audience.user_id_type)
    engine = get_engine(audience.source)
    rows = engine.execute(engine.table(audience.workspace, name).order_by("line")).to_pylist()
    log_download(
        access,
        audience,
        action="audience.refused_lines_downloaded",
        rows=len(rows),
        file_format=options.file_format,
        unmasked=masker.unmasked,
    )
    return options.written("line,value", (_line(row["line"], mask(row["value"])) for row in rows))


def _line(number: int, shown: str) -> bytes:
    text = escape_formula(shown.replace("\n", " ")).replace('"', '""')
    return f'{number},"{text}"\n'.encode()
