/* Charts of AIPL pages: users per stage and day, and how they moved between stages. */

const STAGES = ["A", "I", "P", "L"];
const COLOURS = { A: "#2f6fab", I: "#0b9a74", P: "#d2751c", L: "#a557b5", new: "#7d8d93", lost: "#7d8d93" };

function mount(selector, attribute, option) {
  for (const place of document.querySelectorAll(selector)) {
    const data = JSON.parse(document.getElementById(place.dataset[attribute]).textContent);
    const chart = window.echarts.init(place, null, { renderer: "svg" });
    const draw = () => chart.setOption(option(data, getComputedStyle(place)), true);
    draw();
    new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    new ResizeObserver(() => chart.resize()).observe(place);
  }
}

const locale = document.documentElement.lang || undefined;
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

function trend(data, style) {
  const text = { color: style.color, fontFamily: style.fontFamily };
  return {
    animation: !calm,
    textStyle: text,
    color: STAGES.map((stage) => COLOURS[stage]),
    legend: { top: 0, textStyle: text, data: STAGES.map((stage) => data.labels[stage]) },
    grid: { left: 8, right: 16, top: 36, bottom: 44, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => (value === null || value === undefined ? gettext("not computed") : value.toLocaleString(locale)) },
    xAxis: { type: "category", boundaryGap: false, data: data.days.map((row) => row.date), axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: "value", min: 0, axisLabel: text, splitLine: { lineStyle: { opacity: 0.25 } } },
    dataZoom: [{ type: "slider", height: 18, bottom: 8 }],
    // A day that was not computed is a gap, not a zero.
    series: STAGES.map((stage) => ({ name: data.labels[stage], type: "line", showSymbol: true, symbolSize: 5, connectNulls: false, data: data.days.map((row) => (row.stages ? row.stages[stage] : null)) })),
  };
}

function sankey(data, style) {
  const text = { color: style.color, fontFamily: style.fontFamily };
  const labels = new Map(data.nodes.map((node) => [node.name, node.label]));
  return {
    animation: !calm,
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
      data: data.nodes.map((node) => ({ name: node.name, depth: node.name.startsWith("from:") ? 0 : 1, itemStyle: { color: COLOURS[node.name.split(":")[1]] }, label: { position: node.name.startsWith("from:") ? "left" : "right" } })),
      links: data.links,
    }],
  };
}

mount("[data-aipl-trend]", "aiplTrend", trend);
mount("[data-aipl-sankey]", "aiplSankey", sankey);
