"""Paging of API lists. Apart from the other API bases, because DRF loads it while it is itself being loaded."""

from __future__ import annotations

from rest_framework.pagination import PageNumberPagination


class PageNumbers(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 1000
