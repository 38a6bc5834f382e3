/* What every chart has around it: its table, its file, its picture and its large view. */

import { gettext, h, icon } from "./rule-builder/dom.js";

/** How large a picture is where the chart itself is not on the page. */
const PICTURE = { width: 960, height: 480 };

/** A spreadsheet must not take a text for a formula. */
function quoted(text) {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return `"${String(safe).replaceAll('"', '""')}"`;
}

/**
 * A card `.chart-panel` with the parts `tools`, `canvas` and, where the numbers can be read too, `table`. Subclasses say
 * what is drawn (`option`) and what pressing a part does (`press`). Of those that are `tabular`, `columns` and `values` make
 * the table and the file; the table of the others is the one that the server wrote, and their file is at `data-csv-url`.
 */
export class ChartFrame {
  constructor(element) {
    this.element = element;
    this.part = (name) => element.querySelector(`[data-part="${name}"]`);
    this.state = { table: element.hasAttribute("data-table-first") };
  }

  get title() {
    return this.element.querySelector(".card-title").textContent;
  }

  /** What ECharts draws. */
  option() {
    return {};
  }

  /** Called with the data of the part that was pressed. */
  press(_part) {}

  get tabular() {
    return false;
  }

  /** [heading, text of a value, value in the file] per column of the table. */
  get columns() {
    return [];
  }

  /** What the rows of the table are about. */
  get values() {
    return [];
  }

  get renderer() {
    return "canvas";
  }

  button(name, label, action) {
    const button = h("button", { type: "button", class: "btn btn-icon btn-sm btn-ghost", "aria-label": label, title: label }, icon(name));
    button.addEventListener("click", () => action(button));
    this.part("tools").append(button);
    return button;
  }

  toggle(name, label, state, changed) {
    const button = this.button(name, label, () => {
      this.state[state] = !this.state[state];
      this.mark(button, this.state[state]);
      changed();
    });
    this.mark(button, this.state[state]);
    return button;
  }

  mark(button, on) {
    button.classList.toggle("active", Boolean(on));
    button.setAttribute("aria-pressed", String(Boolean(on)));
  }

  buildTools() {
    if (this.part("table")) this.toggle("table", gettext("Table"), "table", () => this.draw());
    this.fileButton();
    this.button("photo", gettext("Export as picture"), () => this.exportPicture());
    this.enlarger = this.button("maximize", gettext("Enlarge"), () => this.enlarge(!this.element.classList.contains("enlarged")));
  }

  /** The file that the server writes, or that of the table here. */
  fileButton() {
    const { csvUrl } = this.element.dataset;
    const label = gettext("Export as CSV");
    if (csvUrl) this.part("tools").append(h("a", { class: "btn btn-icon btn-sm btn-ghost", href: csvUrl, "aria-label": label, title: label }, icon("file-type-csv")));
    else if (this.tabular) this.button("file-type-csv", label, () => this.exportCsv());
  }

  enlarge(large) {
    this.element.classList.toggle("enlarged", large);
    this.escape?.abort();
    if (large) {
      this.escape = new AbortController();
      document.addEventListener("keydown", (event) => event.key === "Escape" && this.enlarge(false), { signal: this.escape.signal });
    }
    const label = large ? gettext("Close") : gettext("Enlarge");
    this.enlarger.replaceChildren(icon(large ? "x" : "maximize"));
    this.enlarger.setAttribute("aria-label", label);
    this.enlarger.title = label;
    this.chart?.resize();
  }

  draw() {
    const { table } = this.state;
    this.part("canvas").hidden = table;
    if (this.part("table")) this.part("table").hidden = !table;
    if (this.part("table") && this.tabular) this.drawTable();
    if (table) return;
    this.chart ??= this.start();
    this.chart.setOption(this.option(), true);
  }

  start() {
    const chart = echarts.init(this.part("canvas"), null, { renderer: this.renderer });
    chart.on("click", ({ data }) => this.press(data));
    new ResizeObserver(() => chart.resize()).observe(this.part("canvas"));
    // Colours are read from the page when drawing, so a change of theme asks for another drawing.
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    return chart;
  }

  drawTable() {
    const columns = this.columns;
    const head = h("tr", {}, columns.map(([heading], place) => h("th", { class: place ? "text-end" : "", scope: "col" }, heading)));
    const rows = this.values.map((value) => h("tr", {}, columns.map(([, text], place) => h("td", { class: place ? "text-end td-number" : "" }, this.cell(value, text(value), place)))));
    this.part("table").replaceChildren(h("table", { class: "table table-sm" }, h("thead", {}, head), h("tbody", {}, rows)));
  }

  /** What a cell of the table holds: its text, unless a part can be pressed there. */
  cell(_value, text, _place) {
    return text;
  }

  exportCsv() {
    const columns = this.columns;
    const rows = [columns.map(([heading]) => heading), ...this.values.map((value) => columns.map(([, shown, filed = shown]) => filed(value)))];
    const text = rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell : quoted(cell ?? ""))).join(",")).join("\n");
    this.save(`data:text/csv;charset=utf-8,${encodeURIComponent(`\ufeff${text}\n`)}`, "csv");
  }

  /** Drawn apart: the table may be what is shown, and a drawing in SVG makes no picture. */
  exportPicture() {
    const { clientWidth, clientHeight } = this.part("canvas");
    const size = clientWidth ? { width: clientWidth, height: clientHeight } : PICTURE;
    const copy = echarts.init(document.createElement("div"), null, { renderer: "canvas", ...size });
    copy.setOption({ ...(clientWidth ? this.chart.getOption() : this.option()), animation: false });
    this.save(copy.getDataURL({ pixelRatio: 2, backgroundColor: getComputedStyle(this.element).backgroundColor }), "png");
    copy.dispose();
  }

  save(address, ending) {
    const link = document.createElement("a");
    link.href = address;
    link.download = `${this.title}.${ending}`;
    link.click();
  }
}

/** A column of numbers: as people read it, and as the file has it. */
export function numbers(heading, value, digits = 0) {
  const rounded = (row) => (value(row) === null || value(row) === undefined ? null : Number(value(row).toFixed(digits)));
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const shown = (row) => rounded(row).toLocaleString(document.documentElement.lang || undefined, places);
  return [heading, (row) => (rounded(row) === null ? "–" : shown(row)), rounded];
}
