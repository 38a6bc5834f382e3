/* An audience over time: people per version with who joined and left, and how a tag spreads. */

import { Figure, follow } from "./chart-figure.js";
import { compact, faint, locale, number, read } from "./figures.js";

const data = read("history-data");
const when = (at) => new Date(at).toLocaleString(locale, { dateStyle: "short", timeStyle: "short" });

function base(text, names) {
  return {
    legend: { top: 0, type: "scroll", textStyle: text },
    grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
    xAxis: { type: "category", data: names, axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: "value", axisLabel: { ...text, formatter: compact }, ...faint },
  };
}

function size(text) {
  const rows = data.versions;
  const names = rows.map((row) => `v${row.number}`);
  const sign = (value) => number(Math.abs(value));
  return {
    ...base(text, names),
    tooltip: { trigger: "axis", renderMode: "richText", textStyle: { fontFamily: text.fontFamily }, formatter: (points) => [`${points[0].name} · ${when(rows[points[0].dataIndex].at)}`, ...points.filter((point) => point.value !== null && point.value !== undefined).map((point) => `${point.seriesName}: ${sign(point.value)}`)].join("\n") },
    series: [
      { name: gettext("People"), type: "line", symbol: "circle", symbolSize: 8, lineStyle: { width: 2 }, data: rows.map((row) => ({ value: row.count, url: row.url })) },
      { name: gettext("Joined"), type: "bar", stack: "change", barMaxWidth: 24, itemStyle: { color: "#009e73" }, data: rows.map((row) => ({ value: row.joined, url: row.changes_url })) },
      { name: gettext("Left"), type: "bar", stack: "change", barMaxWidth: 24, itemStyle: { color: "#d55e00" }, data: rows.map((row) => ({ value: row.left === null ? null : -row.left, url: row.changes_url })) },
    ],
  };
}

function composition(text) {
  const { values, versions } = data.composition;
  return {
    ...base(text, versions.map((row) => `v${row.number}`)),
    tooltip: { trigger: "axis", renderMode: "richText", textStyle: { fontFamily: text.fontFamily }, valueFormatter: (value) => number(value) },
    series: values.map((value, place) => ({ name: value.label, type: "bar", stack: "people", barMaxWidth: 48, data: versions.map((row) => ({ value: row.counts[place], url: row.urls[place] })) })),
  };
}

for (const place of document.querySelectorAll("[data-history]")) new Figure(place, place.dataset.history === "size" ? size : composition, { press: follow });
