/* How audiences overlap: a column per part with its people, and below it a dot for each audience that the part is in. */

import { Figure, follow } from "./chart-figure.js";
import { compact, faint, number, percentOf, read, TONES } from "./figures.js";
import { gettext } from "./rule-builder/dom.js";

const ROW = 30;
const NAMES = 160;
const SIZES = 120;
const COLUMNS = 190;
const LONGEST = 22;

function shorten(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

function option(data, text, place) {
  const { audiences, parts } = data;
  const names = audiences.map((audience) => audience.name);
  const muted = getComputedStyle(place).getPropertyValue("--tblr-border-color").trim();
  const columns = parts.map((_part, index) => String(index));
  const left = NAMES + SIZES + 24;
  const below = { left, right: 16, top: COLUMNS + 16, height: ROW * names.length };
  const dot = (part, index, audience) => ({
    value: [index, audience],
    url: part.url,
    part,
    symbolSize: part.inside[audience] ? 13 : 9,
    itemStyle: { color: part.inside[audience] ? TONES[0] : muted, opacity: 1 },
  });
  const dots = parts.flatMap((part, index) => names.map((_name, audience) => dot(part, index, audience)));
  // Joins the full dots of a column from the first to the last one.
  const joins = parts.map((part, index) => ({ value: [index, part.inside.indexOf(true), part.inside.lastIndexOf(true)], url: part.url, part }));
  const join = (_params, api) => {
    const [from, to] = [api.coord([api.value(0), api.value(1)]), api.coord([api.value(0), api.value(2)])];
    return { type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style: { stroke: TONES[0], lineWidth: 3 } };
  };
  const words = (part) => [`{b|${names.filter((_name, audience) => part.inside[audience]).join(" ∩ ")}}`, gettext("%(count)s people", { count: number(part.people) }), percentOf(part.percent)].join("\n");
  const inside = ({ data: item }) => (item.part ? words(item.part) : `${item.name}: ${number(item.value)}`);
  const hidden = { axisLabel: { show: false }, axisTick: { show: false }, axisLine: { show: false }, splitLine: { show: false } };
  const few = parts.length <= 24;
  return {
    tooltip: { confine: true, renderMode: "richText", textStyle: { fontFamily: text.fontFamily, rich: { b: { fontWeight: 700, fontFamily: text.fontFamily } } }, formatter: inside },
    grid: [
      { left, right: 16, top: 24, height: COLUMNS - 24 },
      below,
      { ...below, left: NAMES, width: SIZES, right: undefined },
    ],
    xAxis: [
      { gridIndex: 0, type: "category", data: columns, ...hidden },
      { gridIndex: 1, type: "category", data: columns, ...hidden },
      { gridIndex: 2, type: "value", inverse: true, max: 1.6 * Math.max(1, ...audiences.map((audience) => audience.people)), ...hidden },
    ],
    yAxis: [
      { gridIndex: 0, type: "value", axisLabel: { ...text, formatter: compact }, splitNumber: 3, ...faint },
      { gridIndex: 1, type: "category", data: names, inverse: true, ...hidden },
      { gridIndex: 2, type: "category", data: names, inverse: true, position: "left", ...hidden, axisLabel: { ...text, formatter: shorten, margin: 8 } },
    ],
    series: [
      { type: "bar", xAxisIndex: 0, yAxisIndex: 0, barMaxWidth: 32, label: { show: few, position: "top", ...text, fontSize: 11, formatter: ({ data: item }) => compact(item.value) }, data: parts.map((part) => ({ value: part.people, url: part.url, part, itemStyle: { color: TONES[0] } })) },
      { type: "custom", xAxisIndex: 1, yAxisIndex: 1, renderItem: join, data: joins, silent: true },
      { type: "scatter", xAxisIndex: 1, yAxisIndex: 1, data: dots },
      { type: "bar", xAxisIndex: 2, yAxisIndex: 2, barMaxWidth: 14, label: { show: true, position: "left", ...text, fontSize: 11, formatter: ({ data: item }) => compact(item.value) }, data: audiences.map((audience) => ({ ...audience, value: audience.people, itemStyle: { color: TONES.at(-1) } })) },
    ],
  };
}

for (const place of document.querySelectorAll("[data-overlap]")) {
  const data = read(place.dataset.overlap);
  place.style.height = `${COLUMNS + 24 + ROW * data.audiences.length}px`;
  new Figure(place, (text) => option(data, text, place), { press: follow });
}
