/* The values of a tag in their order: the first that fits wins. Dragged or moved by buttons; one of them is open. */

import { clear, formatNumber, h, icon, iconButton, gettext } from "../rule-builder/dom.js";
import { fromRule } from "../rule-builder/tree.js";

export class Values extends EventTarget {
  constructor(place, stored, most) {
    super();
    this.place = place;
    this.most = most;
    this.list = place.querySelector("[data-part=list]");
    this.name = place.querySelector("[name=value]");
    this.remark = place.querySelector("[name=value_remark]");
    this.items = stored.length ? stored.map((entry) => this.item(entry)) : [this.item({ value: this.name.value, remark: this.remark.value })];
    this.current = this.items[0];
    this.fill();
    this.name.addEventListener("input", () => this.typed("value", this.name.value));
    this.remark.addEventListener("input", () => this.typed("remark", this.remark.value));
    this.makeSortable();
  }

  item({ value = "", remark = "", rule = null, root = null }) {
    return { value, remark, root: root || fromRule(rule), total: null, problem: "" };
  }

  /** Whether nothing has been said of the only value yet. */
  get blank() {
    return this.items.length === 1 && !this.items[0].value && !this.items[0].root.items.length;
  }

  add() {
    if (this.items.length >= this.most) return;
    const item = this.item({});
    this.items.unshift(item);
    this.open(item);
    this.name.focus();
    this.changed();
  }

  /** Values made elsewhere, behind those that are there; all of them or, where they are too many, none. */
  addAll(entries) {
    const made = entries.map((entry) => this.item(entry));
    const all = [...(this.blank ? [] : this.items), ...made];
    if (all.length > this.most) {
      throw new Error(gettext("A tag has at most %(most)s values; with these it would have %(count)s.", { most: this.most, count: all.length }));
    }
    this.items = all;
    this.open(made[0]);
    this.changed();
  }

  open(item) {
    this.current = item;
    this.fill();
    this.draw();
    this.dispatchEvent(new Event("open"));
  }

  /** What is said of the open value, in the fields. */
  fill() {
    this.name.value = this.current.value;
    this.remark.value = this.current.remark;
  }

  keep(root) {
    this.current.root = root;
    this.current.problem = "";
    this.changed();
  }

  count(total) {
    this.current.total = total;
    this.draw();
  }

  typed(name, text) {
    this.current[name] = text;
    this.draw();
    this.changed();
  }

  remove(item) {
    if (!window.confirm(gettext("Remove the value “%(value)s”?", { value: item.value || gettext("New value") }))) return;
    this.items = this.items.filter((other) => other !== item);
    if (!this.items.length) this.items = [this.item({})];
    if (this.current === item) this.open(this.items[0]);
    this.draw();
    this.changed();
  }

  move(item, to) {
    const from = this.items.indexOf(item);
    if (to < 0 || to >= this.items.length || from === to) return;
    this.items.splice(to, 0, ...this.items.splice(from, 1));
    this.draw();
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  makeSortable() {
    if (!window.Sortable) return;
    new window.Sortable(this.list, {
      handle: ".ct-handle",
      animation: 120,
      onEnd: ({ oldIndex, newIndex }) => this.move(this.items[oldIndex], newIndex),
    });
  }

  draw() {
    clear(this.list).append(...this.items.map((item, index) => this.row(item, index)));
    const shown = this.place.querySelector("[data-part=number]");
    shown.textContent = gettext("%(count)s of at most %(most)s", { count: this.items.length, most: this.most });
    document.querySelector("[data-rb=new-value]").disabled = this.items.length >= this.most;
    const problem = this.place.querySelector("[data-part=problem]");
    problem.hidden = !this.current.problem;
    problem.textContent = this.current.problem;
  }

  row(item, index) {
    const label = item.value || gettext("New value");
    const open = item === this.current;
    return h(
      "li",
      { class: `ct-value ${open ? "ct-open" : ""} ${item.problem ? "ct-wrong" : ""}` },
      h("span", { class: "ct-handle", title: gettext("Drag") }, icon("grip-vertical")),
      h(
        "button",
        { type: "button", class: "ct-name", "aria-current": open ? "true" : null, onclick: () => this.open(item) },
        h("span", { class: "text-secondary me-2" }, `${index + 1}.`),
        label,
        item.problem ? icon("alert-circle", "text-danger ms-1") : null,
      ),
      h("span", { class: "ct-count" }, item.total === null ? "" : formatNumber(item.total)),
      iconButton("arrow-up", gettext("Earlier: %(value)s", { value: label }), () => this.move(item, index - 1)),
      iconButton("arrow-down", gettext("Later: %(value)s", { value: label }), () => this.move(item, index + 1)),
      iconButton("trash", gettext("Remove: %(value)s", { value: label }), () => this.remove(item)),
    );
  }
}
