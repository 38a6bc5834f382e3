/* The course of messages by day or by hour: a line per figure. */

import { locale, mount, read } from "./figures.js";

// After the accent: tones that people with a colour-vision deficiency tell apart.
const TONES = ["#e69f00", "#009e73", "#9a6fb8"];

/** Days are read as they are written, whatever the zone of the browser; of hours the clock of the workspace is shown. */
function named(value, unit) {
  const [day, time] = value.slice(0, 16).split("T");
  const shown = new Date(`${day}T12:00:00`).toLocaleDateString(locale, { month: "short", day: "numeric" });
  return unit === "hour" ? `${shown} ${time}` : shown;
}

function lines(data, text) {
  const style = getComputedStyle(document.documentElement);
  const line = style.getPropertyValue("--tblr-border-color").trim();
  return {
    animation: false,
    color: [style.getPropertyValue("--tblr-primary").trim() || "#17657d", ...TONES],
    grid: { left: 8, right: 32, top: 36, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, textStyle: text },
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { label: { formatter: ({ value }) => named(value, data.unit) } } },
    xAxis: {
      type: "category",
      data: data.labels,
      boundaryGap: false,
      axisLabel: { ...text, formatter: (value) => named(value, data.unit), hideOverlap: true },
      axisLine: { lineStyle: { color: line } },
    },
    yAxis: { type: "value", minInterval: 1, axisLabel: text, splitNumber: 3, splitLine: { lineStyle: { color: line } } },
    series: data.series.map((series) => ({ ...series, type: "line", symbolSize: 6, lineStyle: { width: 2 } })),
  };
}

for (const place of document.querySelectorAll("[data-course]")) {
  const data = read(place.dataset.course);
  mount(place, (text) => lines(data, text));
}
