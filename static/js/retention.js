/* How many came back, as a line per week or month of the first visit and one for the average. */

import { Figure, follow } from "./chart-figure.js";
import { faint, percent, read, TONES } from "./figures.js";
import { gettext } from "./rule-builder/dom.js";

const place = document.querySelector("[data-retention-chart]");
const data = read("retention-data");

function option(text) {
  const { average, rows } = data;
  const line = (name, shares, style) => ({ name, type: "line", symbolSize: 5, data: shares, ...style });
  return {
    legend: { top: 0, type: "scroll", textStyle: text },
    grid: { left: 8, right: 24, top: 40, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", textStyle: { fontFamily: text.fontFamily }, valueFormatter: percent },
    xAxis: { type: "category", data: average.map((_share, offset) => `+${offset + 1}`), axisLabel: text },
    yAxis: { type: "value", min: 0, axisLabel: { ...text, formatter: percent }, ...faint },
    series: [
      line(gettext("Average"), average, { z: 3, lineStyle: { width: 4 }, itemStyle: { color: TONES[0] } }),
      ...rows.map((row, place) => line(row.start, row.periods.map((period) => ({ value: period.share, url: period.url })), { lineStyle: { width: 1.5 }, itemStyle: { color: TONES[1 + (place % (TONES.length - 1))] } })),
    ],
  };
}

if (place) new Figure(place, option, { press: follow });
