/* Charts of AIPL pages: users per stage and day, and how they moved between stages. */

import { Figure, follow } from "./chart-figure.js";
import { numbers } from "./chart-frame.js";
import { faint, locale, read } from "./figures.js";

const STAGES = ["A", "I", "P", "L"];
const COLOURS = { A: "#2f6fab", I: "#0b9a74", P: "#d2751c", L: "#a557b5", none: "#7d8d93", lost: "#7d8d93" };

/** Draws `option(data, text)` with the data that the page holds for the place, and offers its table. */
function figure(place, id, option, table, press) {
  const data = read(id);
  return new Figure(place, (text) => option(data, text), { table: table(data), press });
}

function trend(data, text) {
  return {
    color: STAGES.map((stage) => COLOURS[stage]),
    legend: { top: 0, textStyle: text, data: STAGES.map((stage) => data.labels[stage]) },
    grid: { left: 8, right: 16, top: 36, bottom: 44, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => (value === null || value === undefined ? gettext("not computed") : value.toLocaleString(locale)) },
    xAxis: { type: "category", boundaryGap: false, data: data.days.map((row) => row.date), axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: "value", min: 0, axisLabel: text, ...faint },
    dataZoom: [{ type: "slider", height: 18, bottom: 8 }],
    // A day that was not computed is a gap, not a zero.
    series: STAGES.map((stage) => ({ name: data.labels[stage], type: "line", symbol: "circle", showSymbol: true, symbolSize: 5, connectNulls: false, data: data.days.map((row) => (row.stages ? row.stages[stage] : null)) })),
  };
}

function trendTable({ days, labels }) {
  const users = (stage) => {
    const [heading, shown, filed] = numbers(labels[stage], (row) => row.stages?.[stage]);
    return [heading, (row) => (row.stages ? shown(row) : gettext("not computed")), filed];
  };
  return { columns: () => [[gettext("Day"), (row) => row.date], ...STAGES.map(users)], values: () => days };
}

function sankeyTable({ nodes, links }) {
  const labels = new Map(nodes.map((node) => [node.name, node.label]));
  return {
    columns: () => [[gettext("From"), (link) => labels.get(link.source)], [gettext("To"), (link) => labels.get(link.target)], numbers(gettext("Users"), (link) => link.value)],
    values: () => links,
    link: (link) => link.url,
  };
}

function sankey(data, text) {
  const labels = new Map(data.nodes.map((node) => [node.name, node.label]));
  return {
    tooltip: {
      renderMode: "richText",
      formatter: ({ dataType, data: part, value }) => (dataType === "edge" ? `${labels.get(part.source)} → ${labels.get(part.target)}: ${value.toLocaleString(locale)}` : `${labels.get(part.name)}: ${value.toLocaleString(locale)}`),
    },
    series: [{
      type: "sankey",
      left: 90,
      right: 90,
      top: 8,
      bottom: 8,
      nodeGap: 14,
      draggable: false,
      layoutIterations: 0,
      emphasis: { focus: "adjacency" },
      label: { ...text, formatter: ({ name }) => labels.get(name) },
      lineStyle: { color: "source", opacity: 0.35 },
      data: data.nodes.map((node) => ({ name: node.name, url: node.url, depth: node.name.startsWith("from:") ? 0 : 1, itemStyle: { color: COLOURS[node.name.split(":")[1]] }, label: { position: node.name.startsWith("from:") ? "left" : "right" } })),
      links: data.links,
    }],
  };
}

for (const place of document.querySelectorAll("[data-aipl-trend]")) figure(place, place.dataset.aiplTrend, trend, trendTable);
for (const place of document.querySelectorAll("[data-aipl-sankey]")) figure(place, place.dataset.aiplSankey, sankey, sankeyTable, follow);
