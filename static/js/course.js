/* The course of messages by day: a line per figure. */

import { locale, mount, read } from "./figures.js";

// After the accent: tones that people with a colour-vision deficiency tell apart.
const TONES = ["#e69f00", "#009e73", "#9a6fb8"];

function lines(data, text) {
  const style = getComputedStyle(document.documentElement);
  const line = style.getPropertyValue("--tblr-border-color").trim();
  return {
    animation: false,
    color: [style.getPropertyValue("--tblr-primary").trim() || "#17657d", ...TONES],
    grid: { left: 8, right: 32, top: 36, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, textStyle: text },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: {
      type: "category",
      data: data.labels,
      boundaryGap: false,
      axisLabel: { ...text, formatter: (value) => new Date(value).toLocaleDateString(locale, { month: "short", day: "numeric" }), hideOverlap: true },
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
