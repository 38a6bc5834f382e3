"""Who is who: customers recognised by their IDs and by pairs of IDs."""

from __future__ import annotations

from cdp.core.access import Access
from cdp.demo import steps
from insight.datasets.models import Dataset
from insight.oneid import queries, services, sources


def find(access: Access, members: Dataset) -> None:
    """Recognise people by the members' IDs and by the table of pairs, once."""
    if queries.current_graph(access.workspace) is not None:
        return
    columns = [field.column for field in sources.id_fields(members)]
    services.update(
        access,
        {
            "sources": [
                {"kind": "dataset", "dataset": members.pk, "columns": columns},
                {"kind": "table", "table": "id_pairs"},
            ],
            "refresh": {"every": "day", "at": "02:00"},
        },
    )
    steps.finish(services.run(access))
