/* The tag itself, beside its values: name, field, category, where it is stored; saving, and errors where they belong. */

import { gettext } from "../rule-builder/dom.js";

export class TagForm {
  constructor(form, { api, data, values, collected }) {
    Object.assign(this, { form, api, data, values, collected });
    this.saved = true;
    this.fill(data.tag || {});
    form.addEventListener("input", () => this.touch());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    window.addEventListener("beforeunload", (event) => {
      if (!this.saved) event.preventDefault();
    });
  }

  fill(tag) {
    const { elements } = this.form;
    for (const name of ["name", "description", "category", "rest"]) {
      // What somebody has typed before everything was loaded stays.
      if (!elements[name].value) elements[name].value = tag[name] ?? "";
    }
    if (elements.multi && tag.multi) elements.multi.checked = true;
  }

  /** A name for a tag that has none yet. */
  propose(name) {
    if (!this.form.elements.name.value) this.form.elements.name.value = name.slice(0, 64);
  }

  touch() {
    this.saved = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showDataset(), 400);
  }

  /** The dataset that a new tag goes into: the person's own one for the ID of its people where these live, or one that is named now. */
  async showDataset() {
    const place = this.form.querySelector("[data-part=dataset]");
    if (!place) return;
    const { entries } = this.collected();
    const rule = entries.find((entry) => entry.rule)?.rule;
    if (!rule) return;
    try {
      const { results, source } = await this.api.idTypes(rule);
      const kind = results.find((row) => row.identifier)?.id_type;
      if (!kind) return;
      const there = this.data.holders[`${source} ${kind}`];
      const text = this.form.querySelector("[data-part=dataset-name]");
      text.textContent = [there || this.data.id_types[kind].start, this.data.places[source]].filter(Boolean).join(" · ");
      this.form.querySelector("[data-part=new-dataset]").hidden = Boolean(there);
      place.hidden = false;
    } catch (error) {
      if (error.name !== "AbortError") place.hidden = true;
    }
  }

  given() {
    const { elements } = this.form;
    const given = {};
    for (const name of ["name", "description", "rest"]) given[name] = elements[name].value.trim();
    given.category = elements.category.value || null;
    if (!this.data.tag) {
      given.field = elements.field.value.trim();
      given.multi = elements.multi.checked;
      given.dataset_name = elements.dataset_name.value.trim();
      given.folder = elements.folder.value || null;
    }
    return given;
  }

  async save() {
    this.showErrors({});
    const { entries, unfinished } = this.collected();
    if (unfinished) {
      const place = this.values.items.indexOf(unfinished);
      this.showErrors({ [`values/${place}/rule`]: [gettext("The rule of this value is not finished.")] });
      return;
    }
    const buttons = document.querySelectorAll(`button[form="${this.form.id}"], #${this.form.id} [type=submit]`);
    for (const button of buttons) button.disabled = true;
    try {
      const headers = this.data.tag ? { "If-Match": this.data.etag } : {};
      const { body } = await this.api.send(this.data.tag ? "PATCH" : "POST", this.api.urls.save, { ...this.given(), values: entries }, { headers });
      this.saved = true;
      window.location.assign(this.api.urls.detail.replace("DATASET", body.dataset).replace("COLUMN", body.column));
    } catch (error) {
      this.showErrors(Object.keys(error.errors || {}).length ? error.errors : { "": [error.message] });
      for (const button of buttons) button.disabled = false;
    }
  }

  showErrors(errors) {
    for (const element of this.form.querySelectorAll("[data-error]")) element.textContent = "";
    for (const item of this.values.items) item.problem = "";
    const rest = [];
    let wrong = null;
    for (const [path, messages] of Object.entries(errors)) {
      const [head, number] = path.split("/");
      const item = head === "values" ? this.values.items[number] : null;
      const place = this.form.querySelector(`[data-error="${CSS.escape(head)}"]`);
      if (item) {
        item.problem = [item.problem, ...messages].filter(Boolean).join(" ");
        wrong ||= item;
      } else if (place) place.textContent = messages.join(" ");
      else rest.push(...messages);
    }
    const summary = document.querySelector("[data-save-error]");
    summary.hidden = !Object.keys(errors).length;
    summary.textContent = rest.length ? rest.join(" ") : gettext("Some fields need another value.");
    if (wrong && wrong !== this.values.current) this.values.open(wrong);
    else this.values.draw();
  }
}
