/* Clicks of a short link by day and by hour of the day. */

import { compact, faint, mount, number, read } from "./figures.js";

const data = read("clicks-data");

function columns(rows, text) {
  const series = (name, key) => ({ name, type: "bar", barMaxWidth: 24, data: rows.map((row) => row[key]) });
  return {
    legend: { top: 0, textStyle: text },
    grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", textStyle: { fontFamily: text.fontFamily }, valueFormatter: (value) => number(value) },
    xAxis: { type: "category", data: rows.map((row) => row.label), axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: "value", minInterval: 1, axisLabel: { ...text, formatter: compact }, ...faint },
    series: [series(gettext("Clicks"), "clicks"), series(gettext("People"), "people")],
  };
}

for (const place of document.querySelectorAll("[data-clicks]")) mount(place, (text) => columns(data[place.dataset.clicks], text));
