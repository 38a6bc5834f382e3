/* The tags that set an audience apart: a list by difference, each with its chart beside all users. */

import { Api } from "./rule-builder/api.js";
import { drawTags, headline } from "./tag-charts.js";
import { formatNumber, gettext, h } from "./rule-builder/dom.js";
import { points } from "./chart-options.js";

const source = document.getElementById("significance-data");
if (source) start(JSON.parse(source.textContent));

function start(data) {
  const api = new Api(data.urls);
  const form = document.querySelector("[data-significance-form]");
  const part = (name) => document.querySelector(`[data-significance="${name}"]`);
  for (const select of form.querySelectorAll("select[name]")) select.addEventListener("change", () => form.requestSubmit());
  part("all").addEventListener("change", load);
  part("sort").addEventListener("change", () => sort(part("sort").value));
  part("search").addEventListener("input", () => search(part("search").value.trim().toLowerCase()));
  load();

  async function load() {
    part("status").textContent = gettext("Counting …");
    part("csv").href = `${data.csv}${part("all").checked ? "&all=1" : ""}`;
    try {
      const asked = { audience: data.audience, dataset: data.dataset, translate: Boolean(data.translate), show_all: part("all").checked, token: api.token };
      const answer = await api.latest("ranking", data.urls.significance, asked);
      part("status").replaceChildren(headline(answer), " ", said(answer));
      const rows = [...answer.tags, ...(answer.others || [])];
      part("rows").replaceChildren(...rows.map((row, place) => line(row, place, place < answer.tags.length)));
      sort(part("sort").value);
      part("list").hidden = !rows.length;
      search(part("search").value.trim().toLowerCase());
      if (rows.length) choose(rows[0].tag);
      else part("charts").replaceChildren();
    } catch (error) {
      if (error.name === "AbortError" || error.code === "cancelled") return;
      part("status").textContent = error.message;
      part("rows").replaceChildren();
      part("charts").replaceChildren();
      part("list").hidden = true;
    }
  }

  function said(answer) {
    const examined = gettext("%(shown)s of %(examined)s tags stand out.", { shown: answer.tags.length, examined: answer.tags_examined });
    return answer.notice ? `${examined} ${answer.notice}` : examined;
  }

  function line(row, place, listed) {
    const top = row.top.map((item) => h("div", {}, `${item.label || item.value}: ${gettext("%(points)s points", { points: points(item.difference) })}${item.tgi === null ? "" : `, TGI ${formatNumber(item.tgi)}`}`));
    const stars = row.stars ? h("span", { class: "significance-stars", role: "img", "aria-label": gettext("%(count)s of 3 stars", { count: row.stars }) }, "★".repeat(row.stars)) : null;
    return h("tr", { dataset: { tag: row.tag, name: row.name.toLowerCase(), place }, class: listed ? "" : "text-secondary" },
      h("td", {}, h("button", { type: "button", class: "btn-part", onclick: () => { choose(row.tag); countUse(row.tag); } }, row.name), " ", stars),
      h("td", { class: "text-end td-number" }, row.adjusted.toFixed(1)),
      h("td", { class: "small" }, top),
      h("td", { class: "text-end td-number" }, row.effect.toFixed(2)),
      h("td", { class: "text-end td-number", title: gettext("χ² = %(value)s with %(df)s degrees of freedom", { value: formatNumber(row.chi_square), df: row.df }) }, row.q < 0.001 ? "< 0.001" : row.q.toFixed(3)),
    );
  }

  /** A tag that somebody opens is used, the one that the page opens with is not; nothing waits for the count. */
  function countUse(tag) {
    api.send("POST", data.urls.uses, { dataset: data.dataset, tags: [tag] }).catch(() => {});
  }

  /** By how much the tags are used; "" for the order of their differences. */
  function sort(kind) {
    const uses = (row) => data.heat[row.dataset.tag]?.[kind] || 0;
    const rows = [...part("rows").children];
    rows.sort((a, b) => (kind && uses(b) - uses(a)) || a.dataset.place - b.dataset.place);
    part("rows").append(...rows);
  }

  function search(term) {
    for (const row of part("rows").children) row.hidden = !row.dataset.name.includes(term);
  }

  async function choose(tag) {
    for (const row of part("rows").children) {
      row.classList.toggle("table-active", row.dataset.tag === tag);
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.tag === tag));
    }
    try {
      const asked = { dataset: data.dataset, audience: data.audience, translate: Boolean(data.translate), compare: "population", tags: [tag], token: `${api.token}:chart` };
      const answer = await api.latest("chart", data.urls.perspective, asked);
      drawTags(part("charts"), answer.tags, { api, urls: data.urls, dataset: data.dataset, audience: data.audience, audienceName: data.audience_name, compare: "population", translate: data.translate, answer, columnsOnly: true });
    } catch (error) {
      if (error.name !== "AbortError" && error.code !== "cancelled") part("status").textContent = error.message;
    }
  }
}
