/* The conditions of an omni audience: groups of tags with values, or of audiences. Kept as JSON in the form. */

const start = JSON.parse(document.getElementById("omni-start").textContent);
const place = document.querySelector("[data-omni-groups]");
const field = document.querySelector("input[name=groups]");
const more = document.querySelector("[data-add-group]");
const OPERATIONS = [["union", gettext("or")], ["intersect", gettext("and")], ["subtract", gettext("but not")]];

let groups = read(field.value) || (start.groups.length ? start.groups : [newGroup()]);
more.addEventListener("click", () => { groups.push(newGroup()); draw(); });
draw();

function read(text) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) && found.length ? found : null;
  } catch {
    return null;
  }
}

function newItem() {
  return { op: "union", tag: start.tags[0].tag, values: [] };
}

function newGroup() {
  return { op: "union", items: [newItem()] };
}

function keep() {
  field.value = JSON.stringify(groups);
}

function draw() {
  place.replaceChildren(...groups.map(card));
  more.hidden = groups.length >= start.most_groups;
  for (const select of place.querySelectorAll("select[multiple]")) new TomSelect(select, { plugins: ["remove_button"] });
  keep();
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function choice(label, options, chosen, change) {
  const select = element("select", { className: "form-select" });
  select.setAttribute("aria-label", label);
  for (const [value, text] of options) select.append(new Option(text, value, false, value === chosen));
  select.addEventListener("change", () => change(select.value));
  return select;
}

function button(icon, label, action) {
  const made = element("button", { type: "button", className: "btn btn-icon btn-ghost", title: label });
  made.setAttribute("aria-label", label);
  made.append(Object.assign(element("i", { className: `ti ti-${icon}` }), { ariaHidden: "true" }));
  made.addEventListener("click", action);
  return made;
}

function card(group, number) {
  const body = element("div", { className: "card-body d-grid gap-2" });
  if (number) {
    const join = choice(gettext("Operation"), OPERATIONS, group.op, (value) => { group.op = value; keep(); });
    body.append(element("div", { className: "omni-join" }, join));
  }
  body.append(...group.items.map((item, index) => row(group, item, index)));
  if (group.items.length < start.most_items) {
    const add = element("button", { type: "button", className: "btn btn-sm justify-self-start", textContent: gettext("Add a condition") });
    add.addEventListener("click", () => { group.items.push(newItem()); draw(); });
    body.append(element("div", {}, add));
  }
  return element("div", { className: "card mb-2" }, body);
}

function row(group, item, index) {
  const operation = index
    ? choice(gettext("Operation"), OPERATIONS, item.op, (value) => { item.op = value; keep(); })
    : element("span");
  const options = [...start.tags.map((tag) => [`tag:${tag.tag}`, tag.name])];
  if (start.audiences.length) options.push(["audience:", gettext("In an audience")]);
  const what = choice(gettext("What"), options, "audience" in item ? "audience:" : `tag:${item.tag}`, (value) => {
    const made = value === "audience:" ? { op: item.op, audience: start.audiences[0].id } : { op: item.op, tag: value.slice(4), values: [] };
    group.items[index] = made;
    draw();
  });
  const drop = button("x", gettext("Remove"), () => {
    group.items.splice(index, 1);
    groups = groups.filter((part) => part.items.length);
    if (!groups.length) groups = [newGroup()];
    draw();
  });
  return element("div", { className: "omni-item" }, operation, what, values(item), drop);
}

function values(item) {
  if ("audience" in item) {
    return choice(gettext("Audience"), start.audiences.map((row) => [row.id, row.name]), item.audience, (value) => { item.audience = value; keep(); });
  }
  const known = start.tags.find((tag) => tag.tag === item.tag)?.values || [];
  const select = element("select", { className: "form-select", multiple: true });
  select.setAttribute("aria-label", gettext("Values"));
  select.setAttribute("placeholder", gettext("Values"));
  for (const value of known) select.append(new Option(value, value, false, item.values.includes(value)));
  select.addEventListener("change", () => { item.values = [...select.selectedOptions].map((option) => option.value); keep(); });
  return element("div", {}, select);
}
