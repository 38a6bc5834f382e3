// The chart panel: one distribution, as pie, columns, treemap or table, with export.
import { orderDialog } from "./chart-order.js";
import { FEW, optionOf, percent, points, tgi } from "./chart-options.js";
import { formatNumber, gettext, h, icon } from "./rule-builder/dom.js";

const TYPES = { bar: [gettext("Columns"), "chart-bar"], pie: [gettext("Pie"), "chart-pie"], treemap: [gettext("Treemap"), "layout-board"] };
const SORTS = { default: gettext("Default order"), descending: gettext("Descending"), ascending: gettext("Ascending"), custom: gettext("Custom order …") };

/**
 * Draws `data`: `{values: [{label, value, key?, share?, percent?, unknown?, other?, compared?}], compared?, order?}`.
 * Subclasses override `load` to fetch elsewhere, `option` to draw otherwise, `acts` and `saveOrder` for what they offer.
 * A chosen part is told by the event `chart:part` with the value as its detail.
 */
export class ChartPanel {
  constructor(element) {
    this.element = element;
    this.part = (name) => element.querySelector(`[data-part="${name}"]`);
    this.state = { type: "", sort: "", hideUnknown: false, table: false };
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

  /** Whether parts can be chosen, in the table too. */
  get acts() {
    return false;
  }

  /** Remembers a custom order; subclasses that can be ordered override it. */
  saveOrder(_keys) {}

  get values() {
    const values = this.data.values.filter((value) => !this.state.hideUnknown || !value.unknown);
    if (this.sort === "ascending") return values.sort((a, b) => a.value - b.value);
    if (this.sort === "descending") return values.sort((a, b) => b.value - a.value);
    if (this.sort !== "custom") return values;
    const places = new Map(this.data.order.map((key, place) => [key, place]));
    const place = (value) => places.get(value.key ?? value.label) ?? places.size;
    return values.sort((a, b) => place(a) - place(b));
  }

  /** The order in use: a custom one is for columns only. */
  get sort() {
    const sort = this.state.sort || (this.data.order?.length ? "custom" : "default");
    return sort === "custom" && (this.type !== "bar" || !this.data.order?.length) ? "default" : sort;
  }

  get type() {
    return this.state.type || this.automaticType;
  }

  get automaticType() {
    const shown = this.data.values.filter((value) => !this.state.hideUnknown || !value.unknown).length;
    return shown <= FEW && !this.data.compared ? "pie" : "bar";
  }

  button(name, label, action) {
    const button = h("button", { type: "button", class: "btn btn-icon btn-sm btn-ghost", "aria-label": label, title: label }, icon(name));
    button.addEventListener("click", () => action(button));
    this.part("tools").append(button);
    return button;
  }

  /** A button with a list below it; `entries` gives [label, action, active, disabled] each time it is opened. */
  menu(name, label, entries) {
    const list = h("div", { class: "dropdown-menu dropdown-menu-end" });
    const button = h("button", { type: "button", class: "btn btn-icon btn-sm btn-ghost", "aria-label": label, title: label, "aria-expanded": "false" }, icon(name));
    button.dataset.bsToggle = "dropdown";
    button.addEventListener("show.bs.dropdown", () => {
      list.replaceChildren(...entries().map(([text, action, active, disabled]) => h("button", { type: "button", class: `dropdown-item${active ? " active" : ""}`, "aria-pressed": String(Boolean(active)), disabled, onclick: action }, text)));
    });
    this.part("tools").append(h("div", { class: "dropdown" }, button, list));
  }

  buildTools() {
    this.toggle("filter-off", gettext("Leave out unknown values"), "hideUnknown", () => this.filterChanged());
    this.menu("chart-pie", gettext("Chart type"), () => Object.entries(TYPES).map(([type, [label]]) => [label, () => { this.state.type = type; this.draw(); }, this.type === type && !this.state.table]));
    this.menu("arrows-sort", gettext("Order"), () => this.sorts());
    this.toggle("table", gettext("Table"), "table", () => this.draw());
    this.button("file-type-csv", gettext("Export as CSV"), () => this.exportCsv());
    this.button("photo", gettext("Export as picture"), () => this.exportPicture());
    this.enlarger = this.button("maximize", gettext("Enlarge"), () => this.enlarge(!this.element.classList.contains("enlarged")));
  }

  toggle(name, label, state, changed) {
    const button = this.button(name, label, () => {
      this.state[state] = !this.state[state];
      button.classList.toggle("active", this.state[state]);
      button.setAttribute("aria-pressed", String(this.state[state]));
      changed();
    });
    button.setAttribute("aria-pressed", "false");
  }

  sorts() {
    const offered = Object.entries(SORTS).filter(([sort]) => sort !== "custom" || this.data.order);
    return offered.map(([sort, label]) => [
      label,
      () => (sort === "custom" ? this.arrange() : this.setSort(sort)),
      this.sort === sort,
      sort === "custom" && this.type !== "bar",
    ]);
  }

  setSort(sort) {
    this.state.sort = sort;
    this.draw();
  }

  /** Lets the person drag the values into an order of their own. */
  async arrange() {
    const values = this.values;
    const labels = new Map(values.map((value) => [value.key ?? value.label, value.label]));
    const keys = await orderDialog(this.element.dataset.chartTitle, labels);
    if (!keys) return;
    this.data.order = keys;
    this.saveOrder(keys);
    this.setSort(keys.length ? "custom" : "default");
  }

  filterChanged() {
    this.draw();
  }

  enlarge(large) {
    this.element.classList.toggle("enlarged", large);
    const label = large ? gettext("Close") : gettext("Enlarge");
    this.enlarger.replaceChildren(icon(large ? "x" : "maximize"));
    this.enlarger.setAttribute("aria-label", label);
    this.enlarger.title = label;
    this.chart?.resize();
  }

  draw() {
    this.part("canvas").hidden = this.state.table;
    this.part("table").hidden = !this.state.table;
    this.drawTable();
    if (this.state.table) return;
    this.chart ??= this.start();
    this.chart.off("click");
    this.chart.setOption(this.option(), true);
    const shown = this.values;
    this.chart.on("click", (event) => shown[event.dataIndex] && this.choose(shown[event.dataIndex]));
  }

  choose(value) {
    this.element.dispatchEvent(new CustomEvent("chart:part", { bubbles: true, detail: value }));
  }

  start() {
    const chart = echarts.init(this.part("canvas"));
    new ResizeObserver(() => chart.resize()).observe(this.part("canvas"));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.element.classList.contains("enlarged")) this.enlarge(false);
    });
    // Colours are read from the page when drawing, so a change of theme asks for another drawing.
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    return chart;
  }

  option() {
    return optionOf(this);
  }

  /** [heading, text of a value] per column of the table and the file. */
  get columns() {
    const values = this.values;
    const total = values.reduce((sum, value) => sum + value.value, 0);
    const share = (value) => percent(value, total, this.state.hideUnknown).toFixed(1);
    const found = [
      [gettext("Value"), (value) => value.label, (value) => value.label],
      [gettext("People"), (value) => formatNumber(value.value), (value) => value.value],
      [gettext("Share"), (value) => `${share(value)} %`, share],
    ];
    const { compared } = this.data;
    if (!compared) return found;
    const of = (heading) => `${heading} (${compared.name})`;
    return [
      ...found,
      [of(gettext("People")), (value) => formatNumber(value.compared.count), (value) => value.compared.count],
      [of(gettext("Share")), (value) => `${value.compared.percent.toFixed(1)} %`, (value) => value.compared.percent.toFixed(1)],
      [gettext("Difference in points"), (value) => points(value.compared.difference), (value) => value.compared.difference.toFixed(1)],
      [gettext("TGI (95 % interval)"), (value) => tgi(value.compared) + (value.compared.few ? " *" : ""), (value) => (value.compared.tgi === null ? "" : `${value.compared.tgi} (${value.compared.low}–${value.compared.high})`)],
    ];
  }

  drawTable() {
    const columns = this.columns;
    const values = this.values;
    const head = h("tr", {}, columns.map(([heading], place) => h("th", { class: place ? "text-end" : "", scope: "col" }, heading)));
    const rows = values.map((value) => h("tr", {}, columns.map(([, text], place) => h("td", { class: place ? "text-end td-number" : "" }, place || !this.acts || value.other ? text(value) : this.partButton(value, text(value))))));
    const few = values.some((value) => value.compared?.few && this.data.compared);
    this.part("table").replaceChildren(
      h("table", { class: "table table-sm" }, h("thead", {}, head), h("tbody", {}, rows)),
      few ? h("p", { class: "text-secondary small mb-0" }, gettext("* Few people: this may be chance.")) : "",
    );
  }

  partButton(value, text) {
    return h("button", { type: "button", class: "btn-part", onclick: () => this.choose(value) }, text);
  }

  exportCsv() {
    const quoted = (text) => `"${String(/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text).replaceAll('"', '""')}"`;
    const columns = this.columns;
    const rows = [columns.map(([heading]) => heading), ...this.values.map((value) => columns.map(([, , text]) => text(value)))];
    const text = rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell : quoted(cell))).join(",")).join("\n");
    this.save(`data:text/csv;charset=utf-8,${encodeURIComponent(`\ufeff${text}\n`)}`, "csv");
  }

  /** A picture needs the chart on the page. */
  exportPicture() {
    if (this.state.table) this.part("tools").querySelector(".ti-table").closest("button").click();
    const { backgroundColor } = getComputedStyle(this.element);
    this.save(this.chart.getDataURL({ pixelRatio: 2, backgroundColor }), "png");
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
