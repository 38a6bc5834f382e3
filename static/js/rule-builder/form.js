/* Saving: the form beside the rule, its errors at the fields, the draft that survives, the warning on leaving. */

import { clear, formatNumber, h, gettext } from "./dom.js";
import { fromRule, leaves, toDraft } from "./tree.js";

export class SaveForm {
  constructor(form, { store, api, data, rule, unfinished, onproblems, datasets }) {
    Object.assign(this, { form, store, api, data, rule, unfinished, onproblems, datasets });
    this.draftKey = `audience-draft:${data.workspace}:${data.audience?.id || "new"}`;
    this.chosen = new Set(data.audience?.save_ids || []);
    this.saved = true;
    this.types = [];
    this.fill(data.audience || data.defaults || {}, { keepTyped: true });
    this.offerDraft();
    store.on("tree", () => this.touch());
    form.addEventListener("input", () => this.touch());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    form.elements.every.addEventListener("change", () => this.showSchedule());
    const draft = document.querySelector("[data-rb=draft]");
    if (draft) draft.addEventListener("click", () => this.save({ draft: true }));
    store.on("tree", () => this.offerHours());
    this.offerHours();
    window.addEventListener("beforeunload", (event) => {
      if (!this.saved) event.preventDefault();
    });
  }

  /** `keepTyped` leaves what somebody has typed before everything was loaded. */
  fill(values, { keepTyped = false } = {}) {
    const { elements } = this.form;
    for (const name of ["name", "remark", "folder", "limit"]) {
      if (!keepTyped || !elements[name].value) elements[name].value = values[name] ?? "";
    }
    this.chooseCampaigns(values.campaigns || []);
    elements.public.checked = Boolean(values.public);
    elements.auto_snapshot.checked = Boolean(values.auto_snapshot);
    const refresh = values.refresh || {};
    elements.every.value = refresh.every || "";
    for (const name of ["at", "hours", "minute", "start", "end"]) if (refresh[name] !== undefined) elements[`refresh_${name}`].value = refresh[name];
    elements.refresh_snapshot.checked = Boolean(refresh.snapshot);
    elements.refresh_datasets_first.checked = Boolean(refresh.datasets_first);
    this.showSchedule();
  }

  /** The field is there only where the person has campaigns to choose from; TomSelect may have taken it over. */
  chooseCampaigns(ids) {
    const select = this.form.elements.campaigns;
    if (!select) return;
    if (select.tomselect) select.tomselect.setValue(ids);
    else for (const option of select.options) option.selected = ids.includes(option.value);
  }

  /** Every few hours is possible only where all conditions come from user-tag datasets. */
  offerHours() {
    const { every } = this.form.elements;
    const kinds = leaves(this.store.root).map((node) => this.datasets.get(node.leaf.dataset)?.kind);
    const hour = every.querySelector("option[value=hour]");
    hour.disabled = kinds.some((kind) => kind && kind !== "user_tags") && every.value !== "hour";
  }

  showSchedule() {
    const every = this.form.elements.every.value;
    for (const element of this.form.querySelectorAll("[data-every]")) {
      element.hidden = !element.dataset.every.split(" ").includes(every);
    }
  }

  values() {
    const { elements } = this.form;
    const { rule } = this.rule();
    const every = elements.every.value;
    const refresh = {};
    if (every) {
      refresh.every = every;
      if (every === "day") refresh.at = elements.refresh_at.value;
      else Object.assign(refresh, { hours: Number(elements.refresh_hours.value), minute: Number(elements.refresh_minute.value) });
      for (const name of ["start", "end"]) if (elements[`refresh_${name}`].value) refresh[name] = elements[`refresh_${name}`].value;
      refresh.snapshot = elements.refresh_snapshot.checked;
      refresh.datasets_first = elements.refresh_datasets_first.checked;
    }
    return {
      name: elements.name.value.trim(),
      remark: elements.remark.value.trim(),
      folder: elements.folder.value || null,
      ...(elements.campaigns ? { campaigns: [...elements.campaigns.selectedOptions].map((option) => option.value) } : {}),
      public: elements.public.checked,
      auto_snapshot: elements.auto_snapshot.checked,
      limit: elements.limit.value ? Number(elements.limit.value) : null,
      save_ids: this.types.map((row) => row.id_type).filter((key) => this.chosen.has(key)),
      refresh,
      rule,
      builder: toDraft(this.store.root),
    };
  }

  /** Chips of the ID columns that the rule's datasets offer, with how many people have one. */
  async showIds() {
    const { rule } = this.rule();
    const place = this.form.querySelector("[data-ids]");
    if (!rule) {
      clear(place).append(h("small", { class: "form-hint" }, gettext("Offered once the rule has a condition.")));
      return;
    }
    try {
      const answer = await this.api.idTypes(rule);
      // The same chips stay: somebody may be about to press one.
      if (place.querySelector("input") && JSON.stringify(answer.results) === JSON.stringify(this.types)) return;
      this.types = answer.results;
      const identifier = this.types.find((row) => row.identifier);
      if (!this.chosen.size && identifier && !this.data.audience) this.chosen.add(identifier.id_type);
      clear(place).append(...this.types.map((row) => this.chip(row)));
    } catch (error) {
      if (error.name !== "AbortError" && !this.types.length) clear(place).append(h("small", { class: "form-hint" }, error.message));
    }
  }

  chip(row) {
    const hint = row.identifier
      ? gettext("The user identifier")
      : gettext("%(dataset)s, column %(column)s", { dataset: row.dataset_name, column: row.column });
    return h(
      "label",
      { class: "form-selectgroup-item", title: hint },
      h("input", {
        type: "checkbox",
        class: "form-selectgroup-input",
        checked: this.chosen.has(row.id_type),
        onchange: (event) => {
          if (event.target.checked) this.chosen.add(row.id_type);
          else this.chosen.delete(row.id_type);
        },
      }),
      h(
        "span",
        { class: "form-selectgroup-label" },
        row.label,
        row.encryption && row.encryption !== "plain" ? h("span", { class: "badge ms-1" }, row.encryption) : null,
        row.fill_rate === null || row.fill_rate === undefined ? null : h("span", { class: "text-secondary ms-1" }, `${formatNumber(Math.round(row.fill_rate * 100))} %`),
      ),
    );
  }

  touch() {
    this.saved = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { rule, ...values } = this.values();
      sessionStorage.setItem(this.draftKey, JSON.stringify({ ...values, at: Date.now(), etag: this.data.etag }));
    }, 400);
  }

  offerDraft() {
    const text = sessionStorage.getItem(this.draftKey);
    const place = document.querySelector("[data-draft]");
    if (!text || !place) return;
    const draft = JSON.parse(text);
    const take = () => {
      this.fill(draft);
      this.chosen = new Set(draft.save_ids);
      this.types = [];
      this.store.change(fromRule(draft.builder));
      place.hidden = true;
    };
    const drop = () => {
      sessionStorage.removeItem(this.draftKey);
      place.hidden = true;
    };
    const time = new Date(draft.at).toLocaleTimeString(document.documentElement.lang || undefined);
    clear(place).append(
      h("span", { class: "flex-fill" }, gettext("You have unsaved changes from %(time)s.", { time })),
      h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: take }, gettext("Continue with them")),
      h("button", { type: "button", class: "btn btn-sm", onclick: drop }, gettext("Throw them away")),
    );
    place.hidden = false;
  }

  /** A draft keeps unfinished conditions too; nothing computes it. */
  async save({ draft = false } = {}) {
    this.showErrors({});
    const values = this.values();
    if (draft || this.data.audience?.draft) values.draft = draft;
    const unfinished = this.unfinished();
    if (unfinished.length && !draft) {
      this.showErrors({ rule: [gettext("Some conditions are not finished. Finish them, leave them out with the eye, or delete them.")] });
      this.store.select(unfinished[0].key);
      return;
    }
    if (!values.rule) {
      this.showErrors({ rule: [gettext("Add at least one finished condition.")] });
      return;
    }
    const editing = Boolean(this.data.audience);
    const buttons = [...document.querySelectorAll(`button[form="${this.form.id}"], #${this.form.id} [type=submit], [data-rb=draft]`)];
    for (const button of buttons) button.disabled = true;
    try {
      const headers = editing ? { "If-Match": this.data.etag } : {};
      const { body } = await this.api.send(editing ? "PATCH" : "POST", this.api.urls.save, values, { headers });
      clearTimeout(this.timer);
      sessionStorage.removeItem(this.draftKey);
      this.saved = true;
      const next = editing || draft ? this.api.urls.detail : this.api.urls.saved;
      window.location.assign(next.replace("AUDIENCE", body.id));
    } catch (error) {
      const errors = Object.keys(error.errors || {}).length ? error.errors : { "": [error.message] };
      this.showErrors(errors);
      for (const button of buttons) button.disabled = false;
    }
  }

  showErrors(errors) {
    for (const element of this.form.querySelectorAll("[data-error]")) element.textContent = "";
    for (const element of this.form.querySelectorAll(".is-invalid")) element.classList.remove("is-invalid");
    const rest = [];
    for (const [path, messages] of Object.entries(errors)) {
      const place = this.form.querySelector(`[data-error="${CSS.escape(path)}"]`) || this.form.querySelector(`[data-error="${CSS.escape(path.split("/")[0])}"]`);
      if (place && !path.startsWith("rule")) {
        place.textContent = messages.join(" ");
        place.closest(".mb-3, .rb-field")?.querySelector("input, select, textarea")?.classList.add("is-invalid");
      } else rest.push(...messages);
    }
    const summary = document.querySelector("[data-save-error]");
    summary.hidden = !Object.keys(errors).length;
    summary.textContent = rest.length ? rest.join(" ") : gettext("Some fields need another value.");
    this.onproblems(errors);
  }
}
