"""How a chart looks by its number of values: from none over five, six, ten and eleven to fifty thousand."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insight.analysis.perspective import perspective
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from tests.factories import make_access

ROWS = 50_000
COUNTS = {"five": 5, "six": 6, "ten": 10, "eleven": 11}
TAGS = ("nothing", "one", "each", "gaps", *COUNTS)

SHAPE = """(canvas) => {
  const {series, dataZoom, yAxis} = echarts.getInstanceByDom(canvas).getOption();
  const colours = new Set(series[0].data.map((part) => part.itemStyle.color));
  return {type: series[0].type, parts: series[0].data.length, colours: colours.size, zoom: dataZoom.length};
}"""


@pytest.fixture
def dataset(run_jobs: Callable[..., Any]) -> Dataset:
    """Tags without a value, with one, with one per person, with five and a few gaps, and as many as they are called."""
    access = make_access()
    lines = (
        f"m{n},,same,x{n:05d},{f'v{n % 5}' if n > 99 else ''},"
        + ",".join(f"v{n % count:02d}" for count in COUNTS.values())
        for n in range(ROWS)
    )
    text = "\n".join([f"member_no,{','.join(TAGS)}", *lines])
    tables.start_import(
        access, tables.create_upload(access, io.BytesIO(text.encode()), "people.csv"), "people"
    )
    run_jobs()
    tags = [{"column": name, "name": name, "type": "enum"} for name in TAGS]
    user = {"column": "member_no", "id_type": "one_id"}
    given = {"name": "People", "kind": "user_tags", "table": "people", "user_id": user, "tags": tags}
    made = datasets.create(access, given)
    datasets.refresh(access, made)
    run_jobs()
    made.access = access
    return made


def panel(tab: Any, name: str) -> Any:
    return tab.locator(".chart-panel", has=tab.get_by_role("heading", name=name, exact=True))


def shape(tab: Any, name: str) -> Any:
    canvas = panel(tab, name).locator("[data-part=canvas]")
    canvas.locator("canvas").first.wait_for()
    return canvas.evaluate(SHAPE)


def test_the_number_of_values_decides_how_a_chart_looks(dataset: Any, tab: Any, sign_in: Any) -> None:
    from playwright.sync_api import expect

    home = sign_in(dataset.access)
    tab.goto(f"{home}analysis/?" + "&".join(f"tag={name}" for name in TAGS))
    assert shape(tab, "five") == {"type": "pie", "parts": 5, "colours": 5, "zoom": 0}
    assert shape(tab, "six") == {"type": "bar", "parts": 6, "colours": 6, "zoom": 0}
    assert shape(tab, "ten") == {"type": "bar", "parts": 10, "colours": 10, "zoom": 0}
    assert shape(tab, "eleven") == {"type": "bar", "parts": 11, "colours": 1, "zoom": 1}
    assert shape(tab, "one") == {"type": "pie", "parts": 1, "colours": 1, "zoom": 0}
    # Unknown is a sixth item while it is shown.
    assert shape(tab, "gaps") == {"type": "bar", "parts": 6, "colours": 6, "zoom": 0}
    panel(tab, "gaps").get_by_role("button", name="Leave out unknown values").click()
    drawing = panel(tab, "gaps").locator("[data-part=canvas]").element_handle()
    tab.wait_for_function(f"(drawing) => ({SHAPE})(drawing).type === 'pie'", arg=drawing)
    nothing = panel(tab, "nothing")
    assert shape(tab, "nothing") == {"type": "pie", "parts": 1, "colours": 1, "zoom": 0}
    nothing.get_by_role("button", name="Leave out unknown values").click()
    expect(nothing).to_contain_text("Nobody has a value here.")


def test_of_very_many_values_the_page_the_file_and_the_api_say_the_same(
    dataset: Any, tab: Any, sign_in: Any
) -> None:
    from playwright.sync_api import expect

    home = sign_in(dataset.access)
    tab.goto(f"{home}analysis/?tag=each")
    each = panel(tab, "each")
    assert shape(tab, "each") == {"type": "bar", "parts": 201, "colours": 2, "zoom": 1}
    expect(each).to_contain_text("the 200 most frequent are shown")
    each.get_by_role("button", name="Table").click()
    expect(each.locator("tbody tr")).to_have_count(201)
    with tab.expect_download() as filed:
        each.get_by_role("button", name="Export as CSV").click()
    rows = list(csv.reader(io.StringIO(Path(filed.value.path()).read_text("utf-8-sig"))))[1:]
    [tag] = perspective(dataset.access, dataset.pk, ["each"])["tags"]
    assert sum(int(row[1]) for row in rows) == tag["base"] == ROWS
    assert [row[:2] for row in rows[:-1]] == [[row["value"], str(row["count"])] for row in tag["values"]]
    assert [float(row[2]) for row in rows] == [
        *(row["percent"] for row in tag["values"]),
        tag["rest"]["percent"],
    ]
    assert rows[-1][:2] == ["Other", str(tag["other"])]
