/* Choosing values: server-side search with counts (tom-select), and a box to paste a list, one value per line. */

import { formatNumber, h, gettext } from "./dom.js";

const MOST = 10000;
const LONGEST = 60;

/**
 * `load(search)` answers {results: [{value, count, label}]}; the label, where there is one, is shown for the value. `onchange(values)` gets the list.
 * `create` allows values that are not in the list, `pasting` offers the box for lists.
 */
export function valuePicker({ values, load, onchange, label, create = true, pasting = true }) {
  const box = h("div", { class: "rb-values" });
  const input = h("select", { multiple: true, class: "form-select", "aria-label": label });
  const note = h("div", { class: "form-hint", role: "status" });
  const paste = pasteBox();
  const pasteButton = h(
    "button",
    { type: "button", class: "btn btn-sm", "aria-expanded": "false", onclick: togglePaste },
    gettext("Paste a list"),
  );
  const clearButton = h("button", { type: "button", class: "btn btn-sm", onclick: () => set([]) }, gettext("Clear"));
  box.append(input, note);
  if (pasting) box.append(h("div", { class: "btn-list mt-2" }, pasteButton, clearButton), paste.element);

  let current = [...values];
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

  function set(next) {
    current = next;
    if (picker) {
      for (const value of next) picker.addOption({ value });
      picker.setValue(next, true);
    }
    describe();
    onchange([...next]);
  }

  function describe(dropped = 0) {
    note.textContent = current.length > 1 ? gettext("%(count)s values chosen.", { count: formatNumber(current.length) }) : "";
    if (dropped) note.append(" ", gettext("%(count)s lines were blank, double or longer than 60 characters.", { count: formatNumber(dropped) }));
  }

  function togglePaste() {
    const open = paste.element.hidden;
    paste.element.hidden = !open;
    pasteButton.setAttribute("aria-expanded", String(open));
    if (open) paste.area.focus();
  }

  function pasteBox() {
    const area = h("textarea", { class: "form-control", rows: "5", "aria-label": gettext("Values, one per line"), placeholder: gettext("One value per line") });
    const add = h(
      "button",
      {
        type: "button",
        class: "btn btn-sm btn-primary mt-2",
        onclick: () => {
          const lines = area.value.split(/\r?\n/).filter((line, index, all) => line.trim() || index < all.length - 1);
          const fine = lines.map((line) => line.trim()).filter((line) => line && [...line].length <= LONGEST);
          const merged = [...new Set([...current, ...fine])].slice(0, MOST);
          const dropped = lines.length - (merged.length - current.length);
          set(merged);
          describe(dropped);
          area.value = "";
        },
      },
      gettext("Add these values"),
    );
    return { element: h("div", { class: "mt-2", hidden: true }, area, add), area };
  }
}
