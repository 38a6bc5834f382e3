/* Pages of ticked tags: each becomes a chart; all tags of a dataset are counted by one request. */

import { Api } from "./rule-builder/api.js";
import { TagList } from "./tag-list.js";
import { drawTags, headline } from "./tag-charts.js";
import { gettext } from "./rule-builder/dom.js";

const source = document.getElementById("perspective-data");
if (source) start(JSON.parse(source.textContent));

function start(data) {
  const api = new Api(data.urls);
  const list = new TagList(document.querySelector("[data-tags]"), show, countUse);
  const nullFilter = document.querySelector("[data-null-filter]");
  const form = document.querySelector("[data-perspective-form]");
  nullFilter.addEventListener("change", () => show(list.chosen()));
  for (const select of form.querySelectorAll("select:not([multiple])")) select.addEventListener("change", () => form.requestSubmit());
  limit(form.querySelector("[data-datasets]"), data.most);
  // The ticked tags lie outside of the form; what else is looked at keeps them where the dataset stays.
  form.addEventListener("formdata", (event) => {
    const kept = new Set(event.formData.getAll("dataset"));
    for (const tag of ticked(list.chosen(), kept)) event.formData.append("tag", tag);
  });
  show(list.chosen());

  /** A tag that somebody opens is used; nothing on the page waits for that to be counted. */
  function countUse(dataset, tag) {
    api.send("POST", data.urls.uses, { dataset, tags: [tag] }).catch(() => {});
  }

  /** Tags as addresses name them. */
  function ticked(chosen, datasets) {
    const one = Boolean(data.audience);
    return Object.entries(chosen).flatMap(([dataset, tags]) => (datasets.has(dataset) ? tags.map((tag) => (one ? tag : `${dataset}.${tag}`)) : []));
  }

  function show(chosen) {
    remember(chosen);
    document.querySelector("[data-nothing]").hidden = Object.keys(chosen).length > 0;
    for (const [number, dataset] of data.datasets.entries()) showDataset(dataset.id, chosen[dataset.id] || [], number);
  }

  async function showDataset(dataset, tags, number) {
    const section = document.querySelector(`[data-charts-of="${CSS.escape(dataset)}"]`);
    const status = section.querySelector("[data-status]");
    const place = section.querySelector("[data-charts]");
    section.hidden = !tags.length;
    if (!tags.length) {
      api.waiting.get(dataset)?.abort();
      place.replaceChildren();
      return;
    }
    status.textContent = gettext("Counting …");
    try {
      // A newer request with this token stops the older one in the engine, as its abort does here; also one that an
      // earlier page of this tab has left, whichever dataset and audience that was of.
      const asked = { dataset, audience: data.audience, compare: data.compare, translate: Boolean(data.translate), tags, null_filter: nullFilter.checked, token: `${api.token}:${number}` };
      const answer = await api.latest(dataset, data.urls.perspective, asked);
      status.replaceChildren(headline(answer));
      drawTags(place, answer.tags, { api, urls: data.urls, dataset, audience: data.audience, audienceName: data.audience_name, compare: data.compare, translate: data.translate, answer });
    } catch (error) {
      if (error.name === "AbortError" || error.code === "cancelled") return;
      status.textContent = Object.values(error.errors || {}).flat().join(" ") || error.message;
      place.replaceChildren();
    }
  }

  function remember(chosen) {
    const address = new URL(location.href);
    address.searchParams.delete("tag");
    for (const tag of ticked(chosen, new Set(Object.keys(chosen)))) address.searchParams.append("tag", tag);
    history.replaceState(null, "", address);
  }
}

/** Ticking one dataset more than can be shown at once is refused at once. */
function limit(place, most) {
  if (!place) return;
  const boxes = [...place.querySelectorAll("input[type=checkbox]")];
  const note = place.querySelector("[data-limit]");
  for (const box of boxes) {
    box.addEventListener("change", () => {
      const tooMany = boxes.filter((one) => one.checked).length > most;
      note.hidden = !tooMany;
      if (tooMany) box.checked = false;
    });
  }
}
