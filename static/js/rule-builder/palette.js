/* The left pane: tags of a dataset by category, behaviour, other audiences. Click or drag to add. */

import { clear, formatNumber, h, icon, iconButton, select, gettext } from "./dom.js";
import { RFM_TYPES, STAGES } from "./leaves.js";

/** How the list of tags can be sorted: by category, by name, or by a number of uses. */
const SORTS = [
  ["category", () => gettext("By category")],
  ["name", () => gettext("By name")],
  ["total", () => gettext("Most used")],
  ["pivot", () => gettext("Most used in analysis")],
  ["selection", () => gettext("Most used in selections")],
  ["push", () => gettext("Most used in pushes")],
];
const TYPE_ICONS = { enum: "list", text: "letter-case", multi: "tags", number: "123", date: "calendar" };

function tagHint(tag) {
  const uses = tag.heat?.total
    ? gettext("Used %(total)s times in 30 days: %(pivot)s in analysis, %(selection)s in selections, %(push)s in pushes", tag.heat)
    : gettext("Not used in the last 30 days");
  return `${tag.description || tag.column}\n${uses}`;
}

export class Palette {
  /**
   * `add(entry)` is called on click, `refreshed()` after a dataset has been computed anew; `dragging` makes the lists
   * draggable. With `tagsOf`, there are the tags of this kind of datasets alone, whose uses are not counted. `misfit(entry)` says why something
   * cannot be added to the rule as it is.
   */
  constructor(place, { fields, api, add, dragging, preferred, refreshed, tagsOf = "", misfit = () => "" }) {
    Object.assign(this, { place, fields, api, add, dragging, refreshed, tagsOf, misfit });
    const all = [...fields.datasets.values()];
    this.sets = {
      tags: all.filter((row) => row.kind === (tagsOf || "user_tags")),
      behaviour: all.filter((row) => row.kind === "behaviour"),
      models: all.filter((row) => row.kind === "rfm" || row.kind === "aipl"),
    };
    this.dataset = {
      tags: (this.sets.tags.find((row) => row.id === preferred) || this.sets.tags[0])?.id,
      behaviour: this.sets.behaviour[0]?.id,
    };
    this.sort = "category";
    this.search = h("input", {
      type: "search",
      class: "form-control",
      placeholder: gettext("Search"),
      "aria-label": tagsOf ? gettext("Search tags") : gettext("Search tags, behaviour and audiences"),
      oninput: () => this.searchSoon(),
    });
    this.chooser = h("div", { class: "mb-2" });
    this.age = h("div", { class: "rb-age" });
    this.note = h("p", { class: "rb-note px-2 mb-2", role: "status", hidden: true });
    this.list = h("div", { class: "rb-palette-list", role: "tabpanel" });
    this.tabs = this.tabBar();
    this.tabs.hidden = Boolean(tagsOf);
    place.append(this.tabs, this.chooser, this.age, h("div", { class: "mb-2" }, this.search), this.note, this.list);
    this.open("tags");
  }

  tabBar() {
    const names = [["tags", gettext("Tags")], ["behaviour", gettext("Behaviour")], ["audiences", gettext("Audiences")]];
    if (this.sets.models.length) names.splice(2, 0, ["models", gettext("Models")]);
    return h(
      "div",
      { class: "rb-tabs", role: "tablist", onkeydown: (event) => this.walkTabs(event) },
      names.map(([key, label]) =>
        h("button", { type: "button", role: "tab", class: "rb-tab", dataset: { tab: key }, onclick: () => this.open(key) }, label),
      ),
    );
  }

  walkTabs(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = [...this.tabs.children];
    const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }

  searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(), this.tab === "audiences" ? 250 : 60);
  }

  open(tab) {
    this.tab = tab;
    for (const button of this.tabs.children) {
      const on = button.dataset.tab === tab;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    clear(this.chooser);
    const sets = this.sets[tab];
    if (sets?.length && tab !== "models") {
      this.chooser.append(
        select(
          sets.map((row) => [row.id, row.name]),
          this.dataset[tab],
          (id) => {
            this.dataset[tab] = id;
            this.draw();
          },
          { "aria-label": gettext("Dataset") },
        ),
      );
    }
    if (tab === "tags" && sets.length) {
      this.chooser.append(
        select(
          SORTS.slice(0, this.tagsOf ? 2 : SORTS.length).map(([key, label]) => [key, label()]),
          this.sort,
          (sort) => {
            this.sort = sort;
            this.draw();
          },
          { "aria-label": gettext("Order of the tags"), class: "form-select form-select-sm mt-2" },
        ),
      );
    }
    this.draw();
  }

  async draw() {
    const { tab } = this;
    const query = this.search.value.trim().toLowerCase();
    const wanted = { tab, query, dataset: this.dataset[tab] };
    this.wanted = wanted;
    this.list.setAttribute("aria-busy", "true");
    let content;
    try {
      content = await this[tab](query);
    } catch (error) {
      content = [this.message(error.message)];
    }
    if (this.wanted !== wanted) return;
    this.drawAge(wanted.dataset);
    this.list.removeAttribute("aria-busy");
    clear(this.list).append(...content);
    for (const element of this.list.querySelectorAll(".rb-entries")) this.dragging.source(element);
    this.judge();
  }

  /** Grey what cannot be added to the rule as it is now, and say why: once where it is the same for all. */
  judge() {
    const entries = [...this.list.querySelectorAll("[data-entry]")];
    const reasons = entries.map((element) => this.misfit(JSON.parse(element.dataset.entry)));
    const same = entries.length > 0 && reasons[0] !== "" && reasons.every((reason) => reason === reasons[0]);
    this.note.hidden = !same;
    this.note.textContent = same ? reasons[0] : "";
    entries.forEach((element, place) => {
      const reason = reasons[place];
      if (reason) delete element.dataset.add;
      else element.dataset.add = element.dataset.entry;
      element.querySelector("button").disabled = Boolean(reason);
      const said = element.querySelector("small");
      said.hidden = !reason || same;
      said.textContent = said.hidden ? "" : reason;
    });
  }

  /** Offer the tags of one dataset alone, until it is called without one. */
  fix(dataset) {
    const chooser = this.chooser.querySelector("select");
    if (!chooser) return;
    chooser.disabled = Boolean(dataset);
    chooser.title = dataset ? gettext("All conditions ask for tags of one dataset.") : "";
    if (!dataset || dataset === this.dataset.tags || !this.fields.datasets.has(dataset)) return;
    this.dataset.tags = chooser.value = dataset;
    this.draw();
  }

  /** How old the dataset is, and the way to compute it anew for those who manage it. */
  drawAge(dataset) {
    const info = this.fields.loaded.get(dataset)?.dataset;
    clear(this.age);
    if (!info?.refreshed_at) return;
    const time = new Date(info.refreshed_at).toLocaleString(document.documentElement.lang || undefined, { dateStyle: "short", timeStyle: "short" });
    this.age.append(h("span", {}, gettext("Computed %(time)s", { time })));
    if (info.may_refresh) this.age.append(iconButton("refresh", gettext("Refresh the dataset"), (event) => this.refresh(dataset, event.currentTarget)));
  }

  async refresh(dataset, button) {
    button.disabled = true;
    button.classList.add("rb-turning");
    try {
      await this.api.refreshDataset(dataset);
      this.fields.forget(dataset);
      await this.fields.load(dataset);
      this.draw();
      this.refreshed();
    } catch (error) {
      button.disabled = false;
      button.classList.remove("rb-turning");
      this.age.append(h("div", { class: "text-danger", role: "alert" }, error.message));
    }
  }

  message(text) {
    return h("p", { class: "text-secondary px-2 py-3 mb-0" }, text);
  }

  async tags(query) {
    const dataset = this.dataset.tags;
    if (!dataset) return [this.message(this.tagsOf ? gettext("There is no dataset with tags yet.") : gettext("There is no user-tag dataset yet. Create one, then its tags stand here."))];
    const info = await this.fields.load(dataset);
    const found = info.tags.filter((tag) => `${tag.name} ${tag.column} ${tag.description || ""}`.toLowerCase().includes(query));
    if (!found.length) return [this.message(query ? gettext("No tag contains this.") : gettext("This dataset has no tags."))];
    const hint = (tag) => this.tagsOf ? tag.description || tag.column : tagHint(tag);
    const entry = (tag) => tag.lost ? this.lostEntry(tag) : this.entry({ kind: "tag", dataset, tag: tag.column }, TYPE_ICONS[tag.type], tag.name, hint(tag), this.sort in (tag.heat || {}) ? tag.heat[this.sort] : null);
    if (this.sort !== "category") {
      const uses = (tag) => tag.heat?.[this.sort] ?? 0;
      const sorted = [...found].sort((one, two) => uses(two) - uses(one) || one.name.localeCompare(two.name));
      return [h("ul", { class: "rb-entries list-unstyled" }, sorted.map(entry))];
    }
    const categories = new Map();
    for (const tag of found) {
      const name = tag.category || gettext("Without category");
      if (!categories.has(name)) categories.set(name, []);
      categories.get(name).push(tag);
    }
    return [...categories].map(([name, tags]) =>
      this.section(name, tags.map(entry)),
    );
  }

  async behaviour(query) {
    const dataset = this.dataset.behaviour;
    if (!dataset) return [this.message(gettext("There is no behaviour dataset yet."))];
    const [info, types] = await Promise.all([this.fields.load(dataset), this.api.values(dataset, "type", query)]);
    const entries = types.results.map((row) => this.entry({ kind: "behaviour", dataset, type: row.value }, "activity", row.value, "", row.count));
    if (!query) {
      entries.unshift(
        this.entry({ kind: "behaviour", dataset }, "activity", gettext("Anything"), info.dataset?.name || ""),
        this.entry({ kind: "sequence", dataset }, "route", gettext("One after another"), gettext("First this, then that")),
      );
    }
    return entries.length ? [this.section(gettext("What they did"), entries)] : [this.message(gettext("Nothing contains this."))];
  }

  async models(query) {
    const sections = this.sets.models.map((row) => {
      const entries = row.kind === "aipl" ? this.stages(row, query) : this.groups(row, query);
      return entries.length ? this.section(row.name, entries) : null;
    });
    const shown = sections.filter(Boolean);
    return shown.length ? shown : [this.message(gettext("Nothing contains this."))];
  }

  groups(row, query) {
    const found = RFM_TYPES.filter(([, label]) => label().toLowerCase().includes(query));
    return found.map(([key, label]) => this.entry({ kind: "rfm", dataset: row.id, types: [key] }, "chart-bubble", label()));
  }

  stages(row, query) {
    const found = STAGES.filter(([, label]) => label().toLowerCase().includes(query));
    const entries = found.map(([key, label]) => this.entry({ kind: "aipl", dataset: row.id, stages: [key] }, "stairs-up", label()));
    const moved = gettext("Changed their stage");
    if (moved.toLowerCase().includes(query)) entries.push(this.entry({ kind: "aipl", dataset: row.id }, "arrows-shuffle", moved));
    return entries;
  }

  async audiences(query) {
    const answer = await this.api.audiences(query);
    // Only audiences that have members yet, and that may be combined, can be a condition.
    const rows = answer.results.filter((row) => row.id !== this.fields.own && row.count !== null && row.combinable);
    this.fields.rememberAudiences(rows);
    if (!rows.length) return [this.message(query ? gettext("No audience contains this.") : gettext("There are no other audiences yet."))];
    return [this.section(gettext("Is a member of"), rows.map((row) => this.entry({ kind: "audience", audience: row.id }, "users-group", row.name, row.owner || "", row.count)))];
  }

  section(name, entries) {
    return h(
      "details",
      { class: "rb-section", open: true },
      h("summary", {}, name, h("span", { class: "text-secondary ms-1" }, entries.length)),
      h("ul", { class: "rb-entries list-unstyled" }, entries),
    );
  }

  /** A tag whose column is gone: to be seen, not to be added. */
  lostEntry(tag) {
    return h(
      "li",
      { class: "rb-entry rb-entry-lost" },
      icon(TYPE_ICONS[tag.type] || "tag", "rb-entry-icon"),
      h("span", {}, h("s", { class: "rb-entry-name" }, tag.name), h("small", { class: "d-block" }, tag.lost)),
    );
  }

  entry(what, iconName, name, hint, count) {
    return h(
      "li",
      { dataset: { add: JSON.stringify(what), entry: JSON.stringify(what) } },
      h(
        "button",
        { type: "button", class: "rb-entry", title: hint ? `${name} – ${hint}` : name, onclick: () => this.add(what) },
        icon(iconName || "tag", "rb-entry-icon"),
        h("span", { class: "rb-entry-name" }, name),
        count === undefined || count === null ? null : h("span", { class: "rb-entry-count" }, formatNumber(count)),
      ),
      h("small", { class: "rb-entry-reason", hidden: true }),
    );
  }
}
