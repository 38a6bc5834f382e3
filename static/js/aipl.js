/* The conditions of an AIPL model's stages: cards in a row, joined from left to right. */

import { Api } from "./rule-builder/api.js";
import { Fields } from "./rule-builder/fields.js";
import { behaviourEditor } from "./rule-builder/editor-behaviour.js";
import { clear, h, icon, iconButton, select, gettext } from "./rule-builder/dom.js";
import { describe, isComplete, newBehaviourLeaf, newTagLeaf } from "./rule-builder/leaves.js";
import { tagEditor } from "./rule-builder/editor-tag.js";
import { valuePicker } from "./rule-builder/value-picker.js";
import { fromRule, toRule } from "./aipl-rows.js";

const data = JSON.parse(document.getElementById("aipl-data").textContent);
const form = document.querySelector("[data-aipl]");
const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, []);

class Stage {
  constructor(element, stored) {
    this.element = element;
    this.key = element.dataset.stage;
    this.channels = stored?.channels || null;
    const rows = stored?.rule ? fromRule(stored.rule) : { items: [], ops: [] };
    // What the API has written otherwise stays as it is; here it can only be replaced.
    this.foreign = rows ? null : stored.rule;
    this.items = rows ? rows.items : [];
    this.ops = rows ? rows.ops : [];
    this.open = -1;
    this.draw();
  }

  part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  value() {
    const unfinished = this.items.some((leaf) => !isComplete(leaf, fields));
    return { channels: this.channels?.length ? this.channels : null, rule: unfinished ? { op: "union", items: this.items } : this.foreign || toRule(this.items, this.ops) };
  }

  draw() {
    this.drawChannels();
    this.drawConditions();
    this.drawAdd();
    this.drawFormula();
    const problems = data.problems[this.key];
    this.part("problems").hidden = !problems;
    this.part("problems").textContent = problems ? problems.join(" ") : "";
  }

  drawChannels() {
    const place = clear(this.part("channels"));
    const column = data.kind === "behaviour" ? (data.has_channel ? "channel" : "") : form.elements.channel?.value;
    if (!column) {
      this.channels = null;
      return;
    }
    const choose = (all) => {
      this.channels = all ? null : this.channels || [];
      this.drawChannels();
    };
    place.append(
      h("div", { class: "mb-3" },
        select([["all", gettext("All channels")], ["some", gettext("Some channels")]], this.channels ? "some" : "all", (way) => choose(way === "all"), { "aria-label": gettext("Channels"), class: "form-select form-select-sm w-auto mb-2" }),
        this.channels ? valuePicker({ values: this.channels, load: (search, page) => api.values(data.dataset, column, search, page), onchange: (values) => { this.channels = values; }, label: gettext("Channels") }) : null,
      ),
    );
  }

  drawConditions() {
    const place = clear(this.part("conditions"));
    if (this.foreign) {
      place.append(
        h("div", { class: "alert alert-info mb-2", role: "note" }, gettext("These conditions are nested in a way that only the API can change.")),
        h("button", { type: "button", class: "btn btn-sm", onclick: () => { this.foreign = null; this.draw(); } }, gettext("Replace them")),
      );
      return;
    }
    this.items.forEach((leaf, index) => {
      if (index) place.append(this.join(index - 1));
      place.append(this.card(leaf, index));
    });
  }

  join(index) {
    const other = this.ops[index] === "union" ? "intersect" : "union";
    const label = this.ops[index] === "union" ? gettext("∪ or") : gettext("∩ and");
    return h("div", { class: "aipl-join" }, h("button", { type: "button", class: "btn btn-sm", title: gettext("Press to change"), onclick: () => { this.ops[index] = other; this.draw(); } }, label));
  }

  card(leaf, index) {
    const title = h("span", {});
    const box = h("div", { class: "aipl-condition" });
    const show = () => {
      const words = describe(this.items[index], fields);
      clear(title).append(h("span", { class: "fw-bold me-2" }, `${index + 1}. ${words.title}`), h("span", { class: "text-secondary" }, words.detail));
      box.classList.toggle("unfinished", !isComplete(this.items[index], fields));
    };
    const toggle = () => {
      this.open = this.open === index ? -1 : index;
      this.draw();
    };
    box.append(
      h("header", {},
        h("button", { type: "button", class: "name", "aria-expanded": String(this.open === index), onclick: toggle }, title),
        index ? iconButton("arrow-up", gettext("Move up"), () => this.swap(index - 1, index)) : null,
        iconButton("trash", gettext("Remove"), () => this.remove(index)),
      ),
    );
    show();
    if (this.open === index) {
      const update = (next) => {
        this.items[index] = next;
        show();
        changed();
      };
      const options = { fields, api, update, alsoEmpty: (tag) => this.insert({ kind: "tag", dataset: tag.dataset, tag: tag.tag, operator: "empty" }, "union") };
      box.append(h("div", { class: "editor" }, leaf.kind === "tag" ? tagEditor(leaf, options) : behaviourEditor(leaf, options)));
    }
    return box;
  }

  insert(leaf, op) {
    if (this.items.length) this.ops.push(op);
    this.items.push(leaf);
    this.open = this.items.length - 1;
    changed();
    this.draw();
  }

  remove(index) {
    this.items.splice(index, 1);
    this.ops.splice(Math.max(0, index - 1), 1);
    this.open = -1;
    changed();
    this.draw();
  }

  swap(first, second) {
    [this.items[first], this.items[second]] = [this.items[second], this.items[first]];
    this.open = -1;
    changed();
    this.draw();
  }

  drawAdd() {
    const place = clear(this.part("add"));
    if (this.foreign) return;
    const info = fields.loaded.get(data.dataset);
    if (data.kind === "behaviour") {
      place.append(h("button", { type: "button", class: "btn btn-sm", onclick: () => this.insert(newBehaviourLeaf(data.dataset, info.behaviour), "intersect") }, icon("plus"), gettext("Add a condition")));
      return;
    }
    const choices = [["", gettext("Add a condition on …")], ...info.tags.filter((tag) => !tag.lost).map((tag) => [tag.column, tag.name])];
    place.append(select(choices, "", (column) => column && this.insert(newTagLeaf(data.dataset, info.byColumn.get(column)), "intersect"), { "aria-label": gettext("Add a condition on …"), class: "form-select form-select-sm w-auto" }));
  }

  /** The brackets that reading from left to right implies. */
  drawFormula() {
    const place = clear(this.part("formula"));
    if (new Set(this.ops).size < 2) return;
    let text = "1";
    this.ops.forEach((op, index) => {
      if (index && this.ops[index - 1] !== op) text = `(${text})`;
      text += ` ${op === "union" ? "∪" : "∩"} ${index + 2}`;
    });
    place.append(gettext("Read from left to right: %(formula)s", { formula: text }));
  }
}

function changed() {
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

async function start() {
  await fields.load(data.dataset);
  const stages = [...document.querySelectorAll("[data-stage]")].map((element) => new Stage(element, data.stages[element.dataset.stage]));
  form.elements.channel?.addEventListener("change", () => stages.forEach((stage) => stage.drawChannels()));
  form.addEventListener("submit", () => {
    form.elements.stages.value = JSON.stringify(Object.fromEntries(stages.map((stage) => [stage.key, stage.value()])));
  });
}
start();
