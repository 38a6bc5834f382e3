"""The main path through the API, on a real purchase history (CDNOW: 69,659 purchases of 23,570 people)."""

from __future__ import annotations

import importlib.util
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from tests.factories import make_access, make_token

PURCHASES, PEOPLE = 69_659, 23_570


def cdnow() -> Path:
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_master.txt"


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.fixture
def client(access: Any) -> APIClient:
    found = APIClient()
    found.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    return found


def test_from_a_file_of_real_purchases_to_an_exported_audience(
    access: Any, client: APIClient, run_jobs: Callable[..., Any]
) -> None:
    base = f"/api/v1/workspaces/{access.workspace.slug}"
    _header, *rows = [line.split() for line in cdnow().read_text().splitlines() if line.strip()]
    assert len(rows) == PURCHASES
    upload = SimpleUploadedFile("CDNOW_master.txt", cdnow().read_bytes())
    types = '{"date": "date"}'
    answer = client.post(
        f"{base}/tables/", {"name": "orders", "file": upload, "types": types}, format="multipart"
    )
    assert answer.status_code == 202, answer.json()
    run_jobs()
    table = client.get(f"{base}/tables/orders/").json()
    assert table["rows"] == PURCHASES
    assert {column["name"]: column["type"] for column in table["columns"]} == {
        "customer_id": "text",
        "date": "date",
        "number_of_cds": "integer",
        "dollar_value": "number",
    }

    definition = {
        "name": "Orders",
        "kind": "behaviour",
        "source": "lake",
        "table": "orders",
        "user_id": {"column": "customer_id", "id_type": "one_id"},
        "time": "date",
        "type": {"constant": "purchase"},
        "count": "number_of_cds",
        "amount": "dollar_value",
    }
    created = client.post(f"{base}/datasets/", definition)
    assert created.status_code == 201, created.json()
    dataset = created.json()["id"]
    assert client.post(f"{base}/datasets/{dataset}/refresh/").status_code == 202
    run_jobs()
    state = client.get(f"{base}/datasets/{dataset}/").json()
    assert (state["state"], state["rows"], state["users"]) == ("ready", PURCHASES, PEOPLE)

    expected = _spent_in_spring(rows)
    rule = {
        "op": "intersect",
        "items": [
            {
                "kind": "behaviour",
                "dataset": dataset,
                "did": True,
                "type": ["purchase"],
                "window": {"kind": "between", "from": "1997-03-01", "to": "1997-05-31"},
                "having": {
                    "op": "and",
                    "items": [
                        {"measure": "days", "operator": ">=", "value": 2},
                        {"measure": "amount", "operator": ">", "value": 50},
                    ],
                },
            }
        ],
    }
    preview = client.post(f"{base}/audiences/preview/", {"rule": rule})
    assert preview.status_code == 200, preview.json()
    assert preview.json()["count"] == len(expected)
    made = client.post(
        f"{base}/audiences/", {"name": "Spring regulars", "rule": rule, "save_ids": ["one_id"]}
    )
    assert made.status_code == 201, made.json()
    audience = made.json()["id"]
    client.post(f"{base}/audiences/{audience}/refresh/", {"snapshot": True})
    run_jobs()
    assert client.get(f"{base}/audiences/{audience}/").json()["count"] == len(expected)
    exported = b"".join(client.get(f"{base}/audiences/{audience}/export/").streaming_content).decode()  # type: ignore[attr-defined]
    assert len(exported.strip().splitlines()) == len(expected) + 1


def _spent_in_spring(rows: list[list[str]]) -> set[str]:
    """People with at least two days and more than 50 in March to May 1997, counted without any engine."""
    days: dict[str, Counter[str]] = defaultdict(Counter)
    amounts: Counter[str] = Counter()
    for member, day, _quantity, amount in rows:
        if "19970301" <= day <= "19970531":
            days[member][day] += 1
            amounts[member] += float(amount)  # type: ignore[assignment]
    return {member for member in days if len(days[member]) >= 2 and amounts[member] > 50}
