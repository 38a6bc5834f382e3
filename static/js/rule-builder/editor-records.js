/* The part of an editor that says which records of a behaviour dataset are meant: what, on what, through which channel. */

import { clear, h, icon, iconButton, select, gettext } from "./dom.js";
import { objectOperators, takesValues } from "./leaves.js";
import { valuePicker } from "./value-picker.js";

const listOrNone = (values) => (values.length ? values : undefined);

export function block(title, control, hint = "") {
  return h("fieldset", { class: "rb-block" }, h("legend", {}, title), control, hint ? h("small", { class: "form-hint" }, hint) : null);
}

/** `records` has type, objects and channel as the API takes them; `onchange(changes, label)` gets those that changed. */
export function recordsEditor(records, { dataset, info, api, onchange }) {
  const box = h("div");
  const objectBox = h("div");
  const channelBox = h("div");

  const set = (changes, label = "") => {
    records = { ...records, ...changes };
    onchange(changes, label);
  };

  box.append(
    block(gettext("What they did"), picker("type", records.type || [], (type) => set({ type: listOrNone(type) }, "type")), gettext("Empty means anything.")),
    objectBox,
    ...(info.has_channel
      ? [block(gettext("Channel"), picker("channel", records.channel || [], (channel) => set({ channel: listOrNone(channel) }, "channel")), gettext("Empty means every channel."))]
      : []),
    channelBox,
  );
  drawObjects();
  drawLostChannel();
  return box;

  function picker(what, values, change, more = {}) {
    const everything = { channel: gettext("All channels"), type: gettext("Anything") }[what];
    return valuePicker({ everything, values, load: (search, page) => api.values(dataset, what, search, { ...more, ...page }), onchange: change, label: { object: more.object, channel: gettext("Channel") }[what] || gettext("Values"), pasting: what !== "type" });
  }

  /** A dataset that has no channels any more: those that were chosen can only be given up. */
  function drawLostChannel() {
    clear(channelBox);
    if (info.has_channel || !records.channel?.length) return;
    const giveUp = () => {
      set({ channel: undefined });
      drawLostChannel();
    };
    channelBox.append(block(gettext("Channel"), h("div", {}, h("s", {}, records.channel.join(", ")), h("button", { type: "button", class: "btn btn-sm ms-2", onclick: giveUp }, gettext("All channels"))), info.lost_channel));
  }

  function drawObjects() {
    clear(objectBox);
    const entries = records.objects || [];
    if (!info.objects?.length && !entries.length) return;
    const single = info.object_form === "keyvalue";
    const rows = entries.map((entry, index) => objectRow(entry, index, single));
    const used = new Set(entries.map((entry) => entry.name));
    const free = info.objects.filter((item) => !used.has(item.name) && !item.lost);
    const addable = free.length && !(single && entries.length);
    objectBox.append(
      h(
        "fieldset",
        { class: "rb-block" },
        h("legend", {}, gettext("On what")),
        rows,
        addable
          ? h("button", { type: "button", class: "btn btn-sm", onclick: () => setObjects([...entries, { name: free[0].name, operator: "in", value: [] }]) }, icon("plus"), gettext("Narrow by object"))
          : null,
        entries.length > 1 ? h("small", { class: "form-hint" }, gettext("All of them must hold for the same record.")) : null,
      ),
    );
  }

  function setObjects(objects) {
    set({ objects: objects.length ? objects : undefined });
    drawObjects();
  }

  function objectRow(entry, index, single) {
    const entries = records.objects;
    const change = (changes) => {
      const next = entries.map((item, place) => (place === index ? { ...item, ...changes } : item));
      for (const [name, value] of Object.entries(next[index])) if (value === undefined) delete next[index][name];
      return next;
    };
    const operators = objectOperators(single, entry.operator).map(([key, label]) => [key, label()]);
    const lost = info.objects.find((item) => item.name === entry.name)?.lost;
    const named = info.objects.filter((item) => !item.lost || item.name === entry.name).map((item) => [item.name, item.label || item.name]);
    if (!named.some(([name]) => name === entry.name)) named.unshift([entry.name, entry.name]);
    return h(
      "div",
      { class: `rb-object ${lost ? "rb-lost" : ""}` },
      h(
        "div",
        { class: "d-flex gap-2 mb-2" },
        select(named, entry.name, (name) => setObjects(change({ name, value: takesValues(entry) ? [] : undefined })), { "aria-label": gettext("Object"), class: "form-select form-select-sm" }),
        select(operators, entry.operator || "in", (operator) => setObjects(change({ operator, value: takesValues({ operator }) ? entry.value || [] : undefined })), { "aria-label": gettext("Condition"), class: "form-select form-select-sm" }),
        iconButton("x", gettext("Remove"), () => setObjects(entries.filter((_, place) => place !== index))),
      ),
      lost ? h("div", { class: "text-danger small", role: "alert" }, lost) : null,
      lost || !takesValues(entry) ? null : picker("object", entry.value || [], (value) => {
        set({ objects: change({ value }) }, `object:${index}`);
        entries[index] = records.objects[index];
      }, { object: entry.name }),
    );
  }
}
