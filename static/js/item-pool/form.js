/* Name and remark beside the conditions; saving, errors where they belong, the warning on leaving. */

import { gettext } from "../rule-builder/dom.js";
import { toDraft } from "../rule-builder/tree.js";

export class PoolForm {
  constructor(form, { api, data, store, counter, onproblems }) {
    Object.assign(this, { form, api, data, store, counter, onproblems });
    this.saved = true;
    for (const name of ["name", "remark"]) {
      // What somebody has typed before everything was loaded stays.
      if (!form.elements[name].value) form.elements[name].value = data.pool?.[name] ?? "";
    }
    form.addEventListener("input", () => this.touch());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    window.addEventListener("beforeunload", (event) => {
      if (!this.saved) event.preventDefault();
    });
  }

  touch() {
    this.saved = false;
  }

  async save() {
    this.showErrors({});
    const { rule } = this.counter.rule();
    const unfinished = this.counter.unfinished();
    if (unfinished.length) {
      this.showErrors({ rule: [gettext("Some conditions are not finished. Finish them, leave them out with the eye, or delete them.")] });
      this.store.select(unfinished[0].key);
      return;
    }
    if (!rule) {
      this.showErrors({ rule: [gettext("Add at least one finished condition.")] });
      return;
    }
    const { name, remark } = this.form.elements;
    const values = { name: name.value.trim(), remark: remark.value.trim(), rule, builder: toDraft(this.store.root) };
    const buttons = document.querySelectorAll(`button[form="${this.form.id}"], #${this.form.id} [type=submit]`);
    for (const button of buttons) button.disabled = true;
    try {
      const editing = Boolean(this.data.pool);
      const headers = editing ? { "If-Match": this.data.etag } : {};
      const { body } = await this.api.send(editing ? "PATCH" : "POST", this.api.urls.save, values, { headers });
      this.saved = true;
      window.location.assign(this.api.urls.detail.replace("POOL", body.id));
    } catch (error) {
      this.showErrors(Object.keys(error.errors || {}).length ? error.errors : { "": [error.message] });
      for (const button of buttons) button.disabled = false;
    }
  }

  showErrors(errors) {
    const rest = [];
    for (const element of this.form.querySelectorAll("[data-error]")) {
      const messages = errors[element.dataset.error] || [];
      element.textContent = messages.join(" ");
      this.form.elements[element.dataset.error].classList.toggle("is-invalid", Boolean(messages.length));
    }
    for (const [path, messages] of Object.entries(errors)) {
      if (!this.form.querySelector(`[data-error="${CSS.escape(path)}"]`)) rest.push(...messages);
    }
    const summary = document.querySelector("[data-save-error]");
    summary.hidden = !Object.keys(errors).length;
    summary.textContent = rest.length ? rest.join(" ") : gettext("Some fields need another value.");
    this.onproblems(errors);
  }
}
