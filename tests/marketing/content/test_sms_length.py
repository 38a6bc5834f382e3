"""One list of lengths for the server, the page and the database."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from marketing.content.sms_length import SmsLength, measure, signed
from marketing.delivery import channel_figures

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("sms_lengths.json").read_text())
EXPECTED = ("characters", "parts", "gsm", "foreign")


def text_of(vector: dict[str, Any]) -> str:
    if "repeat" in vector:
        sign, times = vector["repeat"]
        return str(sign * times + vector.get("then", ""))
    return str(vector["text"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_the_server_measures_as_platforms_bill(vector: dict[str, Any]) -> None:
    expected = SmsLength(**{name: vector[name] for name in EXPECTED})
    assert measure(text_of(vector), vector["billing"]) == expected


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_page_measures_as_the_server(tmp_path: Path) -> None:
    module = tmp_path / "sms-length.mjs"
    module.write_text((Path(__file__).parents[3] / "static/js/sms-length.js").read_text())
    script = (
        f"const {{ measure }} = await import({json.dumps(module.as_uri())});"
        "const rows = JSON.parse(await new Response(process.stdin).text());"
        "console.log(JSON.stringify(rows.map(([text, billing]) => measure(text, billing))));"
    )
    given = json.dumps([(text_of(row), row["billing"]) for row in VECTORS])
    command = ["node", "--input-type=module", "-e", script]
    answer = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=30)
    assert json.loads(answer.stdout) == [{name: row[name] for name in EXPECTED} for row in VECTORS]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_the_database_counts_the_same_parts(vector: dict[str, Any], db: None) -> None:
    text = text_of(vector).replace("${sp_aB3dE9}", "xxxxxx")
    sql = (
        f"SELECT {channel_figures._parts_sql()} FROM (SELECT %s::text AS text) AS t, (SELECT %s AS gsm) AS m"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [text, vector["billing"] == "gsm7"])
        assert cursor.fetchone()[0] == vector["parts"]


def test_the_signature_stands_as_the_platform_writes_it() -> None:
    assert [signed("Tide", form) for form in ("chinese", "square", "sender")] == ["【Tide】", "[Tide] ", ""]
    assert signed("") == ""
