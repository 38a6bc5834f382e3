// The chart panel: one distribution, as pie, columns, treemap or table.
import { ChartFrame } from "./chart-frame.js";
import { orderDialog } from "./chart-order.js";
import { FEW, optionOf, percent, points, tgi } from "./chart-options.js";
import { formatNumber, gettext, h, icon } from "./rule-builder/dom.js";

const TYPES = { bar: [gettext("Columns"), "chart-bar"], pie: [gettext("Pie"), "chart-pie"], treemap: [gettext("Treemap"), "layout-board"] };
const SORTS = { default: gettext("Default order"), descending: gettext("Descending"), ascending: gettext("Ascending"), custom: gettext("Custom order …") };

/**
 * Draws `data`: `{values: [{label, value, key?, share?, percent?, unknown?, other?, compared?}], compared?, order?}`, which
 * subclasses set before they draw. They override `option` to draw otherwise, `acts` and `saveOrder` for what they offer.
 * A chosen part is told by the event `chart:part` with the value as its detail.
 */
export class ChartPanel extends ChartFrame {
  constructor(element) {
    super(element);
    Object.assign(this.state, { type: "", sort: "", hideUnknown: false });
    this.buildTools();
  }

  get tabular() {
    return true;
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
    return shown <= FEW ? "pie" : "bar";
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
    this.filter = this.toggle("filter-off", gettext("Leave out unknown values"), "hideUnknown", () => this.filterChanged());
    this.menu("chart-pie", gettext("Chart type"), () => Object.entries(TYPES).map(([type, [label]]) => [label, () => { this.state.type = type; this.draw(); }, this.type === type && !this.state.table]));
    this.menu("arrows-sort", gettext("Order"), () => this.sorts());
    super.buildTools();
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
    const keys = await orderDialog(this.title, labels);
    if (!keys) return;
    this.data.order = keys;
    this.saveOrder(keys);
    this.setSort(keys.length ? "custom" : "default");
  }

  filterChanged() {
    this.draw();
  }

  press(part) {
    const value = this.values[part?.place];
    if (value) this.choose(value);
  }

  choose(value) {
    this.element.dispatchEvent(new CustomEvent("chart:part", { bubbles: true, detail: value }));
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
    super.drawTable();
    const few = this.values.some((value) => value.compared?.few && this.data.compared);
    if (few) this.part("table").append(h("p", { class: "text-secondary small mb-0" }, gettext("* Few people: this may be chance.")));
  }

  cell(value, text, place) {
    return place || !this.acts || value.other ? text : h("button", { type: "button", class: "btn-part", onclick: () => this.choose(value) }, text);
  }
}
