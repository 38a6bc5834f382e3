"""Which files of the browser packages are collected."""

from __future__ import annotations

from django.contrib.staticfiles.apps import StaticFilesConfig


class AssetsConfig(StaticFilesConfig):
    """Leaves out what no page loads: npm packages also bring sources, maps, other builds and pictures.

    Collecting, hashing and compressing all of it would be most of the time of a first start.
    """

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        *("*.map", "*.md", "*.scss", "*.ts", "*.ttf", "*.woff"),
        *("*.cjs*", "*.esm.*", "*.mjs", "*.rtl.*", "tabler-icons*.html"),
        *("echarts.js", "echarts.common*", "echarts.simple*", "redoc"),
        *("flags", "libs", "payments", "social", "types", "esm"),
    ]
