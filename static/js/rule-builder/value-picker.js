/* Choosing values: server-side search with counts (tom-select), and a box to paste a list, one value per line. */

import { formatNumber, h, gettext } from "./dom.js";

const MOST_PICKED = 200;
const MOST_PASTED = 2000;
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
    else if (values.size >= MOST_PASTED) report.beyond += 1;
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
  if (beyond) parts.push(gettext("Beyond the %(most)s values that a condition can hold: %(count)s.", { count: formatNumber(beyond), most: formatNumber(MOST_PASTED) }));
  return parts.join(" ");
}

/**
 * `load(search)` answers {results: [{value, count, label}]}; the label, where there is one, is shown for the value. `onchange(values)` gets the list.
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
  box.append(input, note, h("div", { class: "btn-list mt-2" }, foundButton, pasting ? pasteButton : null, clearButton));
  if (pasting) box.append(paste.element);

  let current = [...values];
  let found = [];
  let listed = "";
  let picker = null;
  queueMicrotask(start);
  describe();
  return box;

  function start() {
    for (const value of current) input.append(h("option", { value, selected: true }, value));
    if (!window.TomSelect) {
      box.append(paste.element);
      togglePaste();
      return;
    }
    picker = new window.TomSelect(input, {
      valueField: "value",
      labelField: "value",
      searchField: ["value"],
      options: current.map((value) => ({ value })),
      items: current,
      plugins: ["remove_button"],
      dropdownParent: "body",
      maxOptions: 3000,
      maxItems: Math.max(MOST_PICKED, current.length),
      preload: "focus",
      loadThrottle: 200,
      create: create ? (text) => ({ value: text.trim() }) : false,
      persist: false,
      hidePlaceholder: true,
      placeholder: gettext("Search values"),
      shouldLoad: () => true,
      load(search, done) {
        load(search).then(
          (answer) => {
            // A chosen value came without its name.
            for (const row of answer.results) if (row.label && current.includes(row.value)) picker.updateOption(row.value, row);
            done(answer.results);
            showFound(search, answer);
          },
          (error) => {
            note.textContent = error.message;
            done();
          },
        );
      },
      score: () => () => 1,
      sortField: [{ field: "$order" }],
      render: {
        option: (data) => option(data),
        item: (data) => h("div", data.label ? { title: data.value } : {}, data.label || data.value),
        option_create: (data) => h("div", { class: "create" }, gettext("Add “%(value)s”", { value: data.input })),
        no_results: () => h("div", { class: "no-results" }, gettext("No value contains this.")),
      },
      onChange: (chosen) => {
        current = Array.isArray(chosen) ? chosen : [chosen];
        describe();
        onchange([...current]);
      },
      onType: () => picker.clearOptions((data) => current.includes(data.value)),
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

  /** All that a search has found can be taken at once; what a long list leaves out is said. */
  function showFound(search, { results, more }) {
    found = search ? results.map((row) => row.value).filter((value) => !current.includes(value)) : [];
    foundButton.hidden = !found.length;
    foundButton.textContent = more ? gettext("Add the first %(count)s found", { count: formatNumber(found.length) }) : gettext("Add all %(count)s found", { count: formatNumber(found.length) });
    listed = more ? (search ? gettext("More values contain this; search for more of it.") : gettext("The most frequent values are listed; search finds the others.")) : "";
    describe();
  }

  function addFound() {
    const room = Math.max(0, MOST_PICKED - current.length);
    set([...current, ...found.slice(0, room)]);
    foundButton.hidden = true;
    picker?.setTextboxValue("");
  }

  function set(next) {
    current = next;
    if (picker) {
      picker.settings.maxItems = Math.max(MOST_PICKED, next.length);
      for (const value of next) picker.addOption({ value });
      picker.setValue(next, true);
    }
    describe();
    onchange([...next]);
  }

  function describe(more = "") {
    const parts = [];
    if (current.length > 1) parts.push(gettext("%(count)s values chosen.", { count: formatNumber(current.length) }));
    if (current.length >= MOST_PICKED) {
      const full = pasting ? gettext("No more than %(most)s can be picked; a pasted list can hold more.", { most: MOST_PICKED }) : gettext("No more than %(most)s can be picked.", { most: MOST_PICKED });
      parts.push(full);
    }
    if (listed) parts.push(listed);
    if (more) parts.push(more);
    note.textContent = parts.join(" ");
    clearButton.hidden = !current.length;
  }

  function togglePaste() {
    const open = paste.element.hidden;
    paste.element.hidden = !open;
    pasteButton.setAttribute("aria-expanded", String(open));
    if (open) paste.area.focus();
  }

  function pasteBox() {
    const area = h("textarea", { class: "form-control", rows: "5", "aria-label": gettext("Values, one per line"), placeholder: gettext("One value per line, from a spreadsheet or text file: up to %(lines)s lines of %(characters)s characters", { lines: formatNumber(MOST_PASTED), characters: LONGEST }) });
    const add = h(
      "button",
      {
        type: "button",
        class: "btn btn-sm btn-primary mt-2",
        onclick: () => {
          const { values: merged, report } = readList(area.value, current);
          set(merged);
          describe(reportText(report));
          area.value = "";
        },
      },
      gettext("Add these values"),
    );
    return { element: h("div", { class: "mt-2", hidden: true }, area, add), area };
  }
}
