/* Choosing values: server-side search and pages with counts (tom-select), and a box to paste a list, one per line. */

import { formatNumber, h, gettext } from "./dom.js";

/** As many as a condition can hold. */
const MOST_VALUES = 10000;
/** Chosen values that stand in the field; the others are counted, and can be seen as a list. */
const MOST_SHOWN = 100;
const PAGE = 200;
const MOST_LISTED = 3000;
const LONGEST = 60;

/** The lines of a pasted list that can be added to `current`, and why the others cannot. */
export function readList(text, current) {
  const lines = text.split(/\r?\n/);
  if (lines.length && !lines[lines.length - 1].trim()) lines.pop();
  const values = new Set(current);
  const report = { added: 0, blank: 0, double: 0, long: 0, beyond: 0 };
  for (const line of lines) {
    const value = line.trim();
    if (!value) report.blank += 1;
    else if ([...value].length > LONGEST) report.long += 1;
    else if (values.has(value)) report.double += 1;
    else if (values.size >= MOST_VALUES) report.beyond += 1;
    else {
      values.add(value);
      report.added += 1;
    }
  }
  return { values: [...values], report };
}

function reportText({ added, blank, double, long, beyond }) {
  const parts = [gettext("Added: %(count)s.", { count: formatNumber(added) })];
  if (blank) parts.push(gettext("Blank: %(count)s.", { count: formatNumber(blank) }));
  if (double) parts.push(gettext("Repeated: %(count)s.", { count: formatNumber(double) }));
  if (long) parts.push(gettext("Longer than %(most)s characters: %(count)s.", { count: formatNumber(long), most: LONGEST }));
  if (beyond) parts.push(gettext("Beyond the %(most)s values that a condition can hold: %(count)s.", { count: formatNumber(beyond), most: formatNumber(MOST_VALUES) }));
  return parts.join(" ");
}

/**
 * `load(search, {offset, size})` answers {results: [{value, count, label}], more, total}; the label, where there is one, is
 * shown for the value. `onchange(values)` gets the list.
 * `create` allows values that are not in the list, `pasting` offers the box for lists; `everything` is
 * what an empty choice means, where it means all of them.
 */
export function valuePicker({ values, load, onchange, label, create = true, pasting = true, everything = "" }) {
  const box = h("div", { class: "rb-values" });
  const input = h("select", { multiple: true, class: "form-select", "aria-label": label });
  const note = h("div", { class: "form-hint", role: "status" });
  const paste = pasteBox();
  const pasteButton = h(
    "button",
    { type: "button", class: "btn btn-sm", "aria-expanded": "false", onclick: togglePaste },
    gettext("Paste a list"),
  );
  const clearButton = h("button", { type: "button", class: "btn btn-sm", onclick: () => set([]) }, everything || gettext("Clear"));
  const foundButton = h("button", { type: "button", class: "btn btn-sm", hidden: true, onclick: addFound });
  const listButton = h("button", { type: "button", class: "btn btn-sm", hidden: true, onclick: listChosen }, gettext("Edit as a list"));
  box.append(input, note, h("div", { class: "btn-list mt-2" }, foundButton, pasting ? pasteButton : null, listButton, clearButton), paste.element);

  let shown = values.slice(0, MOST_SHOWN);
  let hidden = values.slice(MOST_SHOWN);
  let found = { search: "", total: 0 };
  let listed = "";
  let newest = null;
  let picker = null;
  queueMicrotask(start);
  describe();
  return box;

  function start() {
    for (const value of shown) input.append(h("option", { value, selected: true }, value));
    if (!window.TomSelect) {
      togglePaste();
      return;
    }
    picker = new window.TomSelect(input, {
      valueField: "value",
      labelField: "value",
      searchField: ["value"],
      options: shown.map((value) => ({ value })),
      items: shown,
      plugins: ["remove_button", "virtual_scroll"],
      firstUrl: () => 0,
      dropdownParent: "body",
      maxOptions: MOST_LISTED,
      maxItems: room(),
      preload: "focus",
      loadThrottle: 200,
      create: create ? (text) => ({ value: text.trim() }) : false,
      persist: false,
      hidePlaceholder: true,
      placeholder: gettext("Search values"),
      shouldLoad: () => true,
      async load(search, done) {
        // What stands for the next page's address is where it begins.
        const offset = picker.getUrl(search);
        const asked = load(search, { offset, size: PAGE });
        newest = { search, offset, asked };
        await asked.catch(() => null);
        // Answers can overtake each other: what was asked for last is what is shown.
        const last = newest;
        try {
          const answer = await last.asked;
          picker.setNextUrl(last.search, answer.more ? last.offset + answer.results.length : null);
          // A chosen value came without its name.
          for (const row of answer.results) if (row.label && shown.includes(row.value)) picker.updateOption(row.value, row);
          done(answer.results);
          showFound(last.search, answer);
        } catch (error) {
          note.textContent = error.message;
          done([]);
        }
      },
      score: () => () => 1,
      render: {
        option: (data) => option(data),
        item: (data) => h("div", data.label ? { title: data.value } : {}, data.label || data.value),
        option_create: (data) => h("div", { class: "create" }, gettext("Add “%(value)s”", { value: data.input })),
        no_results: () => h("div", { class: "no-results" }, gettext("No value contains this.")),
        loading_more: () => h("div", { class: "text-secondary" }, gettext("Loading more …")),
        no_more_results: () => (found.total > MOST_LISTED ? h("div", { class: "text-secondary" }, gettext("Search finds the others.")) : null),
      },
      onChange: (chosen) => {
        shown = Array.isArray(chosen) ? chosen : [chosen];
        if (hidden.length) {
          const seen = new Set(shown);
          hidden = hidden.filter((value) => !seen.has(value));
        }
        picker.settings.maxItems = room();
        describe();
        onchange(chosenValues());
      },
    });
  }

  function option(data) {
    return h(
      "div",
      { class: "d-flex" },
      h("span", { class: "flex-fill text-truncate" }, data.label || data.value, data.label && data.label !== data.value ? h("span", { class: "text-secondary ms-2" }, data.value) : null),
      data.count === undefined ? null : h("span", { class: "text-secondary ms-2" }, formatNumber(data.count)),
    );
  }

  function chosenValues() {
    return [...shown, ...hidden];
  }

  /** How many values the field itself may hold. */
  function room() {
    return MOST_VALUES - hidden.length;
  }

  /** All values, or all that a search has found, can be taken at once; how many do not fit is said before and after. */
  function showFound(search, { more, total }) {
    found = { search, total };
    foundButton.hidden = total < 2 || (!search && Boolean(everything));
    const most = Math.min(total, MOST_VALUES);
    if (total > most) foundButton.textContent = gettext("Add the first %(count)s of %(total)s", { count: formatNumber(most), total: formatNumber(total) });
    else foundButton.textContent = search ? gettext("Add all %(count)s found", { count: formatNumber(total) }) : gettext("Select all %(count)s", { count: formatNumber(total) });
    listed = more ? gettext("%(total)s values, the most frequent first; search finds each of them.", { total: formatNumber(total) }) : "";
    describe();
  }

  async function addFound() {
    foundButton.disabled = true;
    try {
      const { results, total } = await load(found.search, { offset: 0, size: MOST_VALUES });
      const merged = new Set(chosenValues());
      let beyond = Math.max(0, total - results.length);
      for (const { value } of results) {
        if (merged.size < MOST_VALUES) merged.add(value);
        else if (!merged.has(value)) beyond += 1;
      }
      picker.close();
      picker.setTextboxValue("");
      listed = "";
      set([...merged]);
      foundButton.hidden = true;
      if (beyond) describe(gettext("Beyond the %(most)s values that a condition can hold: %(count)s.", { count: formatNumber(beyond), most: formatNumber(MOST_VALUES) }));
    } catch (error) {
      note.textContent = error.message;
    }
    foundButton.disabled = false;
  }

  function set(next) {
    shown = next.slice(0, MOST_SHOWN);
    hidden = next.slice(MOST_SHOWN);
    if (picker) {
      picker.settings.maxItems = room();
      for (const value of shown) picker.addOption({ value });
      picker.setValue(shown, true);
    }
    describe();
    onchange(chosenValues());
  }

  function describe(more = "") {
    const parts = [];
    const count = shown.length + hidden.length;
    if (count > 1) parts.push(gettext("%(count)s values chosen.", { count: formatNumber(count) }));
    if (hidden.length) parts.push(gettext("The first %(shown)s stand here.", { shown: formatNumber(shown.length) }));
    if (count >= MOST_VALUES) parts.push(gettext("No more than %(most)s can be chosen.", { most: formatNumber(MOST_VALUES) }));
    if (listed) parts.push(listed);
    if (more) parts.push(more);
    note.textContent = parts.join(" ");
    clearButton.hidden = !count;
    listButton.hidden = !hidden.length;
  }

  /** All that is chosen, one value per line, to be changed there. */
  function listChosen() {
    paste.element.hidden = false;
    pasteButton.setAttribute("aria-expanded", "true");
    paste.area.value = chosenValues().join("\n");
    paste.replace.hidden = false;
    paste.area.focus();
  }

  function togglePaste() {
    const open = paste.element.hidden;
    paste.element.hidden = !open;
    pasteButton.setAttribute("aria-expanded", String(open));
    if (open) paste.area.focus();
  }

  function pasteBox() {
    const area = h("textarea", { class: "form-control", rows: "5", "aria-label": gettext("Values, one per line"), placeholder: gettext("One value per line, from a spreadsheet or text file: up to %(lines)s lines of %(characters)s characters", { lines: formatNumber(MOST_VALUES), characters: LONGEST }) });
    const take = (before) => {
      const { values: merged, report } = readList(area.value, before);
      set(merged);
      describe(reportText(report));
      area.value = "";
      replace.hidden = true;
    };
    const add = h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: () => take(chosenValues()) }, gettext("Add these values"));
    const replace = h("button", { type: "button", class: "btn btn-sm", hidden: true, onclick: () => take([]) }, gettext("Choose exactly these"));
    return { element: h("div", { class: "mt-2", hidden: true }, area, h("div", { class: "btn-list mt-2" }, add, replace)), area, replace };
  }
}
