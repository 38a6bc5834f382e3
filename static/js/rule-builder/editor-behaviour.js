/* The editor of a behaviour condition: did or did not, what, on which object, where, when, how often. */

import { field, h, select, gettext } from "./dom.js";
import { havingEditor } from "./editor-having.js";
import { windowEditor } from "./windows.js";
import { recordsEditor } from "./editor-records.js";

export function behaviourEditor(leaf, { fields, api, update }) {
  const info = fields.behaviour(leaf.dataset);
  const box = h("div");
  let basePlace = null;

  const set = (changes, label = "") => {
    leaf = { ...leaf, ...changes };
    for (const [name, value] of Object.entries(leaf)) if (value === undefined) delete leaf[name];
    update(leaf, label);
  };

  box.append(
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, fields.datasetName(leaf.dataset)), h("div", { class: "text-secondary small" }, gettext("Behaviour"))),
    didSwitch(),
    baseChoice(),
    recordsEditor(leaf, { dataset: leaf.dataset, info, api, onchange: set }),
    h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("When")), windowEditor(leaf.window, (window) => set({ window }, "window"), { withTime: true })),
    havingEditor(leaf.having, { info, onchange: (having, label) => set({ having }, label) }),
  );
  return box;

  function didSwitch() {
    const name = `did-${Math.random().toString(36).slice(2)}`;
    const choice = (value, label) =>
      h(
        "label",
        { class: "form-selectgroup-item flex-fill" },
        h("input", { type: "radio", name, class: "form-selectgroup-input", checked: (leaf.did !== false) === value, onchange: () => {
          set({ did: value, base: value ? undefined : leaf.base });
          basePlace.hidden = value;
        } }),
        h("span", { class: "form-selectgroup-label" }, label),
      );
    return h("div", { class: "form-selectgroup mb-3 w-100", role: "radiogroup", "aria-label": gettext("Did or did not") }, choice(true, gettext("did")), choice(false, gettext("did not")));
  }

  function baseChoice() {
    const others = [...fields.datasets.keys()].filter((id) => id !== leaf.dataset || id === leaf.base);
    if (leaf.base && !others.includes(leaf.base)) others.push(leaf.base);
    const choices = [["", gettext("everybody in this dataset")], ...others.map((id) => [id, gettext("everybody in %(name)s", { name: fields.datasetName(id) })])];
    const chooser = select(choices, leaf.base || "", (base) => set({ base: base || undefined }));
    for (const option of chooser.options) {
      const reason = option.value && fields.unlike({ dataset: option.value }, { dataset: leaf.dataset });
      if (!reason) continue;
      option.disabled = true;
      option.textContent = `${option.textContent} – ${reason}`;
    }
    basePlace = h("div", { hidden: leaf.did !== false }, field(gettext("Out of whom"), chooser));
    return basePlace;
  }
}
