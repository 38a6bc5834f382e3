/* The line of people per version on an audience's page. */

for (const place of document.querySelectorAll("[data-trend]")) draw(place);

function draw(place) {
  if (!window.echarts) return;
  const data = JSON.parse(document.getElementById(place.dataset.trend).textContent);
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const show = () => chart.setOption(option(data));
  show();
  new MutationObserver(show).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  new ResizeObserver(() => chart.resize()).observe(place);
}

function option(data) {
  const style = getComputedStyle(document.documentElement);
  const colour = style.getPropertyValue("--tblr-primary").trim() || "#066fd1";
  const lines = style.getPropertyValue("--tblr-border-color").trim();
  const text = style.getPropertyValue("--tl-muted").trim();
  const people = gettext("People");
  const locale = document.documentElement.lang || undefined;
  return {
    animation: false,
    grid: { left: 8, right: 32, top: 8, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      formatter: ([point]) => `${new Date(point.name).toLocaleString(locale)}\n${people}: ${point.value.toLocaleString(locale)}`,
    },
    xAxis: {
      type: "category",
      data: data.labels,
      boundaryGap: false,
      axisLabel: { color: text, formatter: (value) => new Date(value).toLocaleDateString(locale), hideOverlap: true },
      axisLine: { lineStyle: { color: lines } },
    },
    yAxis: { type: "value", scale: true, axisLabel: { color: text }, splitNumber: 2, splitLine: { lineStyle: { color: lines } } },
    series: data.series.map((series) => ({
      ...series,
      type: "line",
      symbolSize: 6,
      lineStyle: { color: colour, width: 2 },
      itemStyle: { color: colour },
      areaStyle: { color: colour, opacity: 0.08 },
    })),
  };
}
