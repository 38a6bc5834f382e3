/* What can be done with a part of a chart: a new audience of it, or a condition more in an audience there is. */

import { Api } from "./rule-builder/api.js";
import { formatNumber, gettext, h, icon } from "./rule-builder/dom.js";

const OPERATORS = [
  ["union", gettext("∪ or: these people as well")],
  ["intersect", gettext("∩ and: only who is in both")],
  ["subtract", gettext("− without: not these people")],
];

/** The condition that holds for a part: `tag` as the server described it, `value` as the chart shows it; `translate`: the ID that the audience is translated to. */
export function conditionOf(dataset, tag, value, audience = "", translate = "") {
  const leaf = { kind: "tag", dataset, tag: tag.tag };
  if (value.unknown) leaf.operator = "empty";
  else Object.assign(leaf, { operator: tag.type === "multi" ? "contains" : "in", value: [value.key] });
  return audience ? { op: "intersect", items: [leaf, { kind: "audience", audience, ...(translate ? { map: { to: translate } } : {}) }] } : leaf;
}

/** Asks what to do with a part. `urls`: new_audience, parts, parts_preview, audience. */
export class PartDialog {
  constructor(urls, dataset, condition, title, people) {
    this.urls = urls;
    this.dataset = dataset;
    this.condition = condition;
    this.api = new Api({});
    this.audiences = h("select", { class: "form-select", id: "part-audience", onchange: () => this.count() });
    this.operator = h("div", { class: "mt-2" }, OPERATORS.map(([key, label], place) => h("label", { class: "form-check mb-1" }, h("input", { class: "form-check-input", type: "radio", name: "operator", value: key, checked: !place, onchange: () => this.count() }), h("span", { class: "form-check-label" }, label))));
    this.status = h("p", { class: "text-secondary mb-2", role: "status" });
    this.add = h("button", { type: "button", class: "btn", disabled: true, onclick: () => this.save() }, gettext("Add the condition"));
    this.dialog = h("dialog", { class: "chart-dialog", "aria-label": title },
      h("h2", { class: "h3 mb-1" }, title),
      h("p", { class: "text-secondary" }, gettext("%(count)s people", { count: formatNumber(people) })),
      h("a", { class: "btn btn-primary w-100", href: this.newAddress() }, icon("users-plus"), gettext("New audience of this part")),
      h("fieldset", { class: "border-top mt-3 pt-3" },
        h("legend", { class: "subheader" }, gettext("Add to an audience")),
        h("label", { class: "form-label", for: "part-audience" }, gettext("Audience")),
        this.audiences,
        this.operator,
        this.status,
      ),
      h("div", { class: "btn-list" }, this.add, h("button", { type: "button", class: "btn btn-ghost ms-auto", onclick: () => this.dialog.close() }, gettext("Cancel"))),
    );
  }

  newAddress() {
    const rule = this.condition.op ? this.condition : { op: "union", items: [this.condition] };
    return `${this.urls.new_audience}?${new URLSearchParams({ rule: JSON.stringify(rule), dataset: this.dataset })}`;
  }

  async open() {
    document.body.append(this.dialog);
    this.dialog.addEventListener("close", () => this.dialog.remove());
    this.dialog.showModal();
    try {
      const { results } = await this.api.get(`${this.urls.parts}?${new URLSearchParams({ dataset: this.dataset })}`);
      const choices = results.map((row) => h("option", { value: row.id }, `${row.name} (${formatNumber(row.count ?? 0)})`));
      this.audiences.replaceChildren(h("option", { value: "" }, results.length ? gettext("Choose an audience") : gettext("There is no selection that you may edit")), ...choices);
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  get wanted() {
    return { audience: this.audiences.value, condition: this.condition, operator: this.operator.querySelector(":checked").value };
  }

  async count() {
    this.add.disabled = true;
    if (!this.audiences.value) {
      this.api.waiting.get("count")?.abort();
      this.status.textContent = "";
      return;
    }
    this.status.textContent = gettext("Counting …");
    try {
      const found = await this.api.latest("count", this.urls.parts_preview, this.wanted);
      this.status.textContent = gettext("Today %(before)s people, then %(after)s.", { before: formatNumber(found.before), after: formatNumber(found.after) });
      this.add.disabled = false;
    } catch (error) {
      if (error.name !== "AbortError") this.status.textContent = error.message;
    }
  }

  async save() {
    this.add.disabled = true;
    try {
      const { body } = await this.api.send("POST", this.urls.parts, this.wanted);
      location.assign(this.urls.audience.replace("AUDIENCE", body.id));
    } catch (error) {
      this.status.textContent = error.message;
      this.add.disabled = false;
    }
  }
}
