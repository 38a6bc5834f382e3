/* What the values come to before they are saved: people of each, of several of them, of none. */

import { clear, formatNumber, h, gettext } from "../rule-builder/dom.js";

export class Check {
  constructor(place, { api, values, collected, problems }) {
    Object.assign(this, { place, api, values, collected, problems });
  }

  async run() {
    this.problems({});
    const { entries, unfinished } = this.collected();
    if (unfinished) {
      this.problems({ [`values/${this.values.items.indexOf(unfinished)}/rule`]: [gettext("The rule of this value is not finished.")] });
      return;
    }
    this.show([h("p", { class: "text-secondary mb-0", role: "status" }, gettext("Counting …"))]);
    try {
      const answer = await this.api.latest("check", this.api.urls.check, { values: entries.map(({ rule }) => ({ rule })) });
      this.show(this.table(answer, entries));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.place.hidden = true;
      this.problems(Object.keys(error.errors).length ? error.errors : { "": [error.message] });
    }
  }

  show(content) {
    this.place.hidden = false;
    clear(this.place.querySelector("[data-part=result]")).append(...content);
  }

  table(answer, entries) {
    const names = entries.map((entry, index) => entry.value || gettext("Value %(number)s", { number: index + 1 }));
    const number = (value) => h("td", { class: "text-end td-number" }, formatNumber(value));
    return [
      h("p", {}, gettext("%(several)s people fit several values; %(uncovered)s of %(people)s people fit none.", { several: formatNumber(answer.several), uncovered: formatNumber(answer.uncovered), people: formatNumber(answer.people) })),
      h(
        "table",
        { class: "table table-sm mb-0" },
        h("thead", {}, h("tr", {}, h("th", {}, gettext("Value")), h("th", { class: "text-end" }, gettext("Fit its rule")), h("th", { class: "text-end" }, gettext("Get it, as the first that fits")))),
        h("tbody", {}, answer.values.map((row, index) => h("tr", {}, h("td", {}, names[index]), number(row.fits), number(row.gets)))),
      ),
      answer.overlaps.length
        ? h(
            "details",
            { class: "mt-2" },
            h("summary", {}, gettext("Overlaps")),
            h("ul", { class: "mb-0 ps-3" }, answer.overlaps.map((row) => h("li", {}, gettext("%(first)s and %(second)s: %(people)s people", { first: names[row.first], second: names[row.second], people: formatNumber(row.people) })))),
          )
        : null,
    ].filter(Boolean);
  }
}
