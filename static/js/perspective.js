/* The perspective page: ticked tags become charts, all counted by one request. */

import { ChartPanel } from "./charts.js";

const source = document.getElementById("perspective-data");
if (source) start(JSON.parse(source.textContent));

/** A chart panel whose numbers are handed over instead of being loaded one by one. */
class TagChart extends ChartPanel {
  load() {
    this.data = this.element.chartData;
    this.part("note").textContent = this.data.notice;
    this.draw();
  }
}

function start(data) {
  const place = document.querySelector("[data-perspective-charts]");
  const status = document.querySelector("[data-perspective-status]");
  const nullFilter = document.querySelector("[data-null-filter]");
  const form = document.querySelector("[data-perspective-form]");
  const names = new Map([...document.querySelectorAll("[data-tag]")].map((box) => [box.value, box]));
  let running = null;

  for (const box of names.values()) box.addEventListener("change", () => {
    if (box.checked) countUse(box.value);
    show();
  });
  nullFilter.addEventListener("change", show);
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
  // The ticked tags lie outside of the form; a new audience keeps them, a new dataset has others.
  form.addEventListener("formdata", (event) => {
    if (event.formData.get("dataset") !== data.dataset) return;
    for (const tag of chosen()) event.formData.append("tag", tag);
  });
  document.querySelector("[data-tag-search]").addEventListener("input", (event) => search(event.target.value));
  show();

  function chosen() {
    return [...names.values()].filter((box) => box.checked).map((box) => box.value);
  }

  /** A tag that somebody opens is used; those that the page opens with are not. */
  function countUse(tag) {
    fetch(data.uses_url, {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify({ dataset: data.dataset, tags: [tag] }),
    }).catch(() => {});
  }

  function search(text) {
    const term = text.trim().toLowerCase();
    for (const group of document.querySelectorAll("[data-tag-group]")) {
      let any = false;
      for (const row of group.querySelectorAll("[data-tag-name]")) {
        row.hidden = !row.dataset.tagName.includes(term);
        any ||= !row.hidden;
      }
      group.hidden = !any;
    }
  }

  async function show() {
    running?.abort();
    const tags = chosen();
    remember(tags);
    if (!tags.length) {
      place.replaceChildren();
      status.textContent = gettext("Tick a tag on the left.");
      return;
    }
    running = new AbortController();
    status.textContent = gettext("Counting …");
    try {
      const answer = await fetch(data.url, {
        method: "POST",
        signal: running.signal,
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
        body: JSON.stringify({ dataset: data.dataset, audience: data.audience, tags, null_filter: nullFilter.checked }),
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(Object.values(body.errors || {}).flat().join(" ") || body.detail);
      status.textContent = interpolate(gettext("%(count)s users."), { count: body.users.toLocaleString() }, true);
      place.replaceChildren(...body.tags.map((tag, index) => column(tag, index)));
      for (const element of place.querySelectorAll(".chart-panel")) new TagChart(element);
    } catch (error) {
      if (error.name !== "AbortError") status.textContent = error.message;
    }
  }

  function remember(tags) {
    const address = new URL(location.href);
    address.searchParams.delete("tag");
    for (const tag of tags) address.searchParams.append("tag", tag);
    history.replaceState(null, "", address);
  }

  function column(tag, index) {
    const box = document.getElementById("perspective-chart").content.cloneNode(true).firstElementChild;
    const panel = box.querySelector(".chart-panel");
    panel.id = `chart-${index}`;
    panel.dataset.chartTitle = tag.name;
    panel.querySelector(".card-title").textContent = tag.name;
    panel.querySelector('[data-part="canvas"]').setAttribute("aria-label", tag.name);
    panel.chartData = { values: values(tag), notice: tag.notice };
    panel.addEventListener("chart:part", (event) => makeAudience(tag, event.detail));
    return box;
  }

  function values(tag) {
    const rows = tag.values.map((row) => ({ label: row.label || row.value, key: row.value, value: row.count, share: row.share }));
    if (tag.other) rows.push({ label: gettext("Other"), value: tag.other, other: true });
    if (tag.unknown.count) rows.push({ label: gettext("Unknown"), value: tag.unknown.count, share: tag.unknown.share, unknown: true });
    return rows;
  }

  /** Opens the rule builder with the clicked part, within the audience that is looked at. */
  function makeAudience(tag, part) {
    if (!data.new_audience || !part || part.other) return;
    const operator = tag.type === "multi" ? "contains" : "in";
    const leaf = part.unknown
      ? { kind: "tag", dataset: data.dataset, tag: tag.tag, operator: "empty" }
      : { kind: "tag", dataset: data.dataset, tag: tag.tag, operator, value: [part.key ?? part.label] };
    const rule = data.audience
      ? { op: "intersect", items: [leaf, { kind: "audience", audience: data.audience }] }
      : { op: "union", items: [leaf] };
    const query = new URLSearchParams({ rule: JSON.stringify(rule), dataset: data.dataset });
    location.assign(`${data.new_audience}?${query}`);
  }
}

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] || "";
}
