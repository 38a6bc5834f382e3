"""Paging of API lists. Apart from the other API bases, because DRF loads it while it is itself being loaded."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import PageNumberPagination


class PageNumbers(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """`nullable`, as DRF has it, says nothing in OpenAPI 3.1."""
        found: dict[str, Any] = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            found["properties"][name] = {"type": ["string", "null"], "format": "uri"}
        found["required"] = ["count", "next", "previous", "results"]
        return found
