/* The course of pushed, received, opened and ignored messages by day. */

// After the accent: tones that people with a colour-vision deficiency tell apart.
const TONES = ["#e69f00", "#009e73", "#9a6fb8"];

for (const place of document.querySelectorAll("[data-course]")) draw(place);

function draw(place) {
  if (!window.echarts) return;
  const data = JSON.parse(document.getElementById(place.dataset.course).textContent);
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const show = () => chart.setOption(option(data));
  show();
  new MutationObserver(show).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  new ResizeObserver(() => chart.resize()).observe(place);
}

function option(data) {
  const style = getComputedStyle(document.documentElement);
  const lines = style.getPropertyValue("--tblr-border-color").trim();
  const text = style.getPropertyValue("--tl-muted").trim();
  const locale = document.documentElement.lang || undefined;
  return {
    animation: false,
    color: [style.getPropertyValue("--tblr-primary").trim() || "#17657d", ...TONES],
    grid: { left: 8, right: 32, top: 36, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, textStyle: { color: text } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: {
      type: "category",
      data: data.labels,
      boundaryGap: false,
      axisLabel: { color: text, formatter: (value) => new Date(value).toLocaleDateString(locale, { month: "short", day: "numeric" }), hideOverlap: true },
      axisLine: { lineStyle: { color: lines } },
    },
    yAxis: { type: "value", minInterval: 1, axisLabel: { color: text }, splitNumber: 3, splitLine: { lineStyle: { color: lines } } },
    series: data.series.map((series) => ({ ...series, type: "line", symbolSize: 6, lineStyle: { width: 2 } })),
  };
}
