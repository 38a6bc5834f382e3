/* Values from the ranges of a number or a date. */

import { clear, h, gettext } from "../rule-builder/dom.js";

const RANGED = ["number", "date"];

export function offerRanges(dialog, button, { api, fields, asked, use }) {
  const form = dialog.querySelector("form");
  const { dataset, tag, bounds, below } = form.elements;
  const failure = dialog.querySelector("[data-part=failure]");

  const sets = fields.userDatasets();
  clear(dataset).append(...sets.map((row) => h("option", { value: row.id }, row.name)));
  button.hidden = !sets.length;

  async function showTags(chosen = "") {
    const info = await fields.load(dataset.value);
    const found = info.tags.filter((row) => RANGED.includes(row.type) && !row.lost);
    clear(tag).append(...found.map((row) => h("option", { value: row.column }, row.name)));
    if (chosen) tag.value = chosen;
    hint();
  }

  function hint() {
    const isDate = fields.tagType(dataset.value, tag.value) === "date";
    bounds.placeholder = isDate ? "2026-01-01, 2026-04-01, 2026-07-01" : "0, 200, 500";
  }

  dataset.addEventListener("change", () => showTags());
  tag.addEventListener("change", hint);
  dialog.querySelector("[data-part=cancel]").addEventListener("click", () => dialog.close());
  button.addEventListener("click", async () => {
    failure.hidden = true;
    dialog.showModal();
    await showTags();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = bounds.value.split(/[,，;；\s]+/).filter(Boolean);
    try {
      const { body } = await api.send("POST", api.urls.ranges, { dataset: dataset.value, tag: tag.value, bounds: given, below: below.checked });
      await use(body.values, gettext("%(tag)s bands", { tag: fields.tagName(dataset.value, tag.value) }));
      dialog.close();
    } catch (error) {
      failure.hidden = false;
      failure.textContent = Object.values(error.errors || {}).flat().join(" ") || error.message;
    }
  });

  if (asked && sets.some((row) => row.id === asked.dataset)) {
    dataset.value = asked.dataset;
    showTags(asked.tag).then(() => dialog.showModal());
  }
}
