/* Charts of tags: panels whose numbers the server counts, with and without people of unknown value. */

import { ChartPanel } from "./charts.js";
import { PartDialog, conditionOf } from "./chart-part.js";
import { formatNumber, gettext, h } from "./rule-builder/dom.js";

/** The rows of a chart from a tag as the server describes it. */
export function valuesOf(tag) {
  const rows = tag.values.map((row) => ({ label: row.label || row.value, key: row.value, value: row.count, share: row.share, percent: row.percent, compared: row.compared }));
  const more = (source, label, mark) => rows.push({ label, key: "", value: source.count, share: source.share, percent: source.percent, compared: source.compared, [mark]: true });
  if (tag.other) more(tag.rest, gettext("Other"), "other");
  if (tag.unknown.count || tag.unknown.compared?.count) more(tag.unknown, gettext("Unknown"), "unknown");
  return rows;
}

/** One tag. `context`: {api, urls, dataset, audience, audienceName, compare, answer, columnsOnly}. */
export class TagChart extends ChartPanel {
  constructor(element, tag, context) {
    element.querySelector(".card-title").textContent = tag.name;
    for (const part of element.querySelectorAll("[aria-label]")) part.setAttribute("aria-label", tag.name);
    super(element);
    this.context = context;
    // The first numbers came with the page's request; later ones are asked for when the filter changes.
    this.show(tag, context.answer);
    if (context.answer.null_filter) this.markFiltered();
    element.addEventListener("chart:part", (event) => this.ask(event.detail));
  }

  show(tag, answer) {
    this.tag = tag;
    this.data = { values: valuesOf(tag), order: tag.order, compared: answer.compared, name: this.context.audienceName };
    this.part("note").textContent = tag.notice;
    if (!this.data.values.length) this.part("note").textContent = gettext("Nobody has a value here.");
    this.draw();
  }

  markFiltered() {
    this.state.hideUnknown = true;
    this.mark(this.filter, true);
  }

  async filterChanged() {
    const { api, urls, dataset, audience, compare, translate } = this.context;
    this.part("note").textContent = gettext("Counting …");
    try {
      const answer = await api.latest(`filter-${dataset}-${this.tag.tag}`, urls.perspective, { dataset, audience, compare, translate: Boolean(translate), tags: [this.tag.tag], null_filter: this.state.hideUnknown });
      this.show(answer.tags[0], answer);
    } catch (error) {
      if (error.name !== "AbortError") this.part("note").textContent = error.message;
    }
  }

  get automaticType() {
    return this.context.columnsOnly ? "bar" : super.automaticType;
  }

  get acts() {
    return Boolean(this.context.urls.new_audience);
  }

  async saveOrder(keys) {
    const { api, urls, dataset } = this.context;
    if (!urls.orders) return;
    try {
      await api.send("PUT", urls.orders, { dataset, tag: this.tag.tag, values: keys });
    } catch (error) {
      this.part("note").textContent = error.message;
    }
  }

  ask(value) {
    const { urls, dataset, audience } = this.context;
    if (!this.acts || value.other) return;
    this.enlarge(false);
    new PartDialog(urls, dataset, conditionOf(dataset, this.tag, value, audience, this.context.translate), `${this.tag.name}: ${value.label}`, value.value).open();
  }
}

/** An empty panel out of the page's template, in a column of the grid. */
export function emptyPanel() {
  return document.getElementById("tag-chart").content.cloneNode(true).firstElementChild;
}

/** Draws the tags of an answer into `place`. */
export function drawTags(place, tags, context) {
  const boxes = tags.map(emptyPanel);
  place.replaceChildren(...boxes);
  boxes.forEach((box, index) => new TagChart(box.querySelector(".chart-panel"), tags[index], context));
}

/** What is said above charts: users, or the members that were found and what they are compared with. */
export function headline(answer) {
  const found = [];
  if (answer.coverage) found.push(gettext("%(found)s of %(members)s members are in this dataset.", { found: formatNumber(answer.coverage.found), members: formatNumber(answer.coverage.members) }));
  else found.push(gettext("%(count)s users.", { count: formatNumber(answer.users) }));
  if (answer.coverage && !answer.coverage.found) found.push(gettext("Without members there is nothing to show."));
  const { compared } = answer;
  if (compared) found.push(gettext("Compared with %(name)s: %(users)s users.", { name: compared.name, users: formatNumber(compared.users) }));
  if (compared?.audience) found.push(gettext("%(count)s people are in both audiences.", { count: formatNumber(compared.overlap) }));
  for (const row of answer.translated || []) found.push(gettext("“%(name)s” is translated to %(label)s; %(count)s of its people could not be.", { name: row.name, label: row.label, count: formatNumber(row.unmatched) }));
  return h("span", {}, found.join(" "));
}
