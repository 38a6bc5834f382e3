// The chart panel: one distribution, as pie, columns, treemap or table, with export.
// The accent first, then tones that people with a colour-vision deficiency tell apart.
const TONES = ["#e69f00", "#9a6fb8", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#8c6d31", "#3c8d5a", "#7d8d93"];

const LONGEST_LABEL = 14;

function shorten(text) {
  return text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text;
}

export class ChartPanel {
  constructor(element) {
    this.element = element;
    this.part = (name) => element.querySelector(`[data-part="${name}"]`);
    this.state = { type: "", sort: "default", hideUnknown: false, table: false };
    this.buildTools();
    this.load();
  }

  async load() {
    this.part("note").textContent = gettext("Loading …");
    this.abort?.abort();
    this.abort = new AbortController();
    try {
      const answer = await fetch(this.element.dataset.chartUrl, { signal: this.abort.signal, headers: { Accept: "application/json" } });
      const data = await answer.json();
      if (!answer.ok) throw new Error(data.detail || answer.statusText);
      this.data = data;
      this.part("note").textContent = "";
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError") this.part("note").textContent = error.message;
    }
  }

  get values() {
    let values = this.data.values.filter((value) => !this.state.hideUnknown || !value.unknown);
    if (this.state.sort === "ascending") values = [...values].sort((a, b) => a.value - b.value);
    if (this.state.sort === "descending") values = [...values].sort((a, b) => b.value - a.value);
    return values;
  }

  button(icon, label, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-icon btn-sm btn-ghost";
    button.setAttribute("aria-label", label);
    button.title = label;
    button.innerHTML = `<i class="ti ti-${icon}" aria-hidden="true"></i>`;
    button.addEventListener("click", () => action(button));
    this.part("tools").append(button);
  }

  buildTools() {
    const next = (list, current) => list[(list.indexOf(current) + 1) % list.length];
    this.button("filter-off", gettext("Leave out unknown values"), (button) => {
      this.state.hideUnknown = !this.state.hideUnknown;
      button.classList.toggle("active", this.state.hideUnknown);
      this.draw();
    });
    this.button("chart-pie", gettext("Other chart"), () => { this.state.type = next(["pie", "bar", "treemap"], this.type); this.draw(); });
    this.button("arrows-sort", gettext("Other order"), () => { this.state.sort = next(["default", "descending", "ascending"], this.state.sort); this.draw(); });
    this.button("table", gettext("Table"), (button) => { this.state.table = !this.state.table; button.classList.toggle("active", this.state.table); this.draw(); });
    this.button("file-type-csv", gettext("Export as CSV"), () => this.exportCsv());
    this.button("photo", gettext("Export as picture"), () => this.save(this.chart?.getDataURL({ pixelRatio: 2 }), "png"));
    this.button("maximize", gettext("Enlarge"), () => { this.element.classList.toggle("enlarged"); this.chart?.resize(); });
  }

  get type() {
    return this.state.type || (this.values.length <= 5 ? "pie" : "bar");
  }

  draw() {
    this.part("canvas").hidden = this.state.table;
    this.part("table").hidden = !this.state.table;
    this.drawTable();
    if (this.state.table) return;
    this.chart ??= this.start();
    this.chart.off("click");
    this.chart.setOption(this.option(), true);
    this.chart.on("click", (event) => this.element.dispatchEvent(new CustomEvent("chart:part", { bubbles: true, detail: this.values[event.dataIndex] })));
  }

  start() {
    const chart = echarts.init(this.part("canvas"));
    new ResizeObserver(() => chart.resize()).observe(this.part("canvas"));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.element.classList.remove("enlarged"); });
    // Colours are read from the page when drawing, so a change of theme asks for another drawing.
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    return chart;
  }

  option() {
    const style = getComputedStyle(this.element);
    const ink = style.color;
    const COLOURS = [style.getPropertyValue("--tblr-primary").trim(), ...TONES];
    // A canvas knows no inheritance: the family is handed over as it was computed.
    const text = { color: ink, fontFamily: style.fontFamily, fontSize: 12 };
    const values = this.values;
    const total = values.reduce((sum, value) => sum + value.value, 0);
    const base = { color: COLOURS, textStyle: text, aria: { enabled: true }, animation: !matchMedia("(prefers-reduced-motion: reduce)").matches, tooltip: { formatter: (item) => `${echarts.format.encodeHTML(item.name)}: ${item.value.toLocaleString()}` } };
    const data = values.map((value, index) => ({ name: value.label, value: value.value, itemStyle: values.length <= 10 ? { color: COLOURS[index % COLOURS.length] } : { color: COLOURS[0] } }));
    if (this.type === "pie") {
      return { ...base, series: [{ type: "pie", radius: ["36%", "58%"], data, itemStyle: { borderColor: style.backgroundColor, borderWidth: 2 }, label: { ...text, lineHeight: 16, overflow: "none", formatter: (item) => `${shorten(item.name)}\n${total ? ((100 * item.value) / total).toFixed(1) : 0} %` }, labelLine: { length: 10, length2: 6 } }] };
    }
    if (this.type === "treemap") return { ...base, series: [{ type: "treemap", data, roam: false, breadcrumb: { show: false } }] };
    return {
      ...base,
      grid: { left: 8, right: 8, top: 16, bottom: values.length > 10 ? 48 : 8, containLabel: true },
      xAxis: { type: "category", data: values.map((value) => value.label), axisLabel: { ...text, formatter: shorten, interval: values.length > 20 ? "auto" : 0, rotate: values.length > 8 ? 30 : 0 } },
      yAxis: { type: "value", axisLabel: text, splitLine: { lineStyle: { opacity: 0.25 } } },
      dataZoom: values.length > 10 ? [{ type: "slider", height: 18, bottom: 8 }] : [],
      series: [{ type: "bar", data, barMaxWidth: 48 }],
    };
  }

  drawTable() {
    const total = this.values.reduce((sum, value) => sum + value.value, 0);
    const table = document.createElement("table");
    table.className = "table table-sm";
    const head = table.createTHead().insertRow();
    for (const label of [gettext("Value"), gettext("People"), gettext("Share")]) {
      const cell = document.createElement("th");
      cell.textContent = label;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const value of this.values) {
      const row = body.insertRow();
      const share = value.share ?? (total ? value.value / total : 0);
      for (const text of [value.label, value.value.toLocaleString(), `${(100 * share).toFixed(1)} %`]) row.insertCell().textContent = text;
    }
    this.part("table").replaceChildren(table);
  }

  exportCsv() {
    const quoted = (text) => `"${String(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    const lines = this.values.map((value) => [quoted(value.label), value.value].join(","));
    const text = `\ufeff${quoted(gettext("Value"))},${quoted(gettext("People"))}\n${lines.join("\n")}\n`;
    this.save(`data:text/csv;charset=utf-8,${encodeURIComponent(text)}`, "csv");
  }

  save(address, ending) {
    if (!address) return;
    const link = document.createElement("a");
    link.href = address;
    link.download = `${this.element.dataset.chartTitle}.${ending}`;
    link.click();
  }
}

export function mountCharts(root = document) {
  return [...root.querySelectorAll("[data-chart-url]")].map((element) => new ChartPanel(element));
}
