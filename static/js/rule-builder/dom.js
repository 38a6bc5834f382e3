/* Building elements without markup in strings, so that nothing a person typed is ever read as HTML. */

const numbers = new Intl.NumberFormat(document.documentElement.lang || undefined);

/** The text in the page's language; `%(name)s` is replaced by `values.name`. */
export function gettext(text, values) {
  const found = window.gettext ? window.gettext(text) : text;
  return values ? found.replace(/%\((\w+)\)s/g, (_, name) => values[name]) : found;
}

export function formatNumber(value) {
  return numbers.format(value);
}

/** h("button", {class: "btn", onclick: f, "aria-label": "…"}, child, …); null children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && typeof value !== "string" && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function icon(name, more = "") {
  return h("i", { class: `ti ti-${name} ${more}`, "aria-hidden": "true" });
}

export function iconButton(name, label, onclick, more = "") {
  return h(
    "button",
    { type: "button", class: `btn btn-icon btn-sm btn-ghost-secondary ${more}`, title: label, "aria-label": label, onclick },
    icon(name),
  );
}

/** A labelled field: the label is tied to the first control inside. */
export function field(label, control, hint = "") {
  const input = control.matches?.("input,select,textarea") ? control : control.querySelector?.("input,select,textarea");
  if (input && !input.id) input.id = `rb-${Math.random().toString(36).slice(2, 9)}`;
  return h(
    "div",
    { class: "mb-3" },
    h("label", { class: "form-label", for: input?.id }, label),
    control,
    hint ? h("small", { class: "form-hint" }, hint) : null,
  );
}

export function select(options, value, onchange, more = {}) {
  const element = h(
    "select",
    { class: "form-select", onchange: (event) => onchange(event.target.value), ...more },
    options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)),
  );
  element.value = value ?? "";
  return element;
}

export function clear(element) {
  while (element.firstChild) element.firstChild.remove();
  return element;
}
