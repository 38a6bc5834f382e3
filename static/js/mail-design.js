// Mails made of blocks: cards on the left, the mail on the right. The form posts the design as JSON.

import { Api } from "./rule-builder/api.js";
import { ask } from "./shell.js";

const WAIT = 300;
const LOOK = { preheader: "", accent: "#0b6477", ink: "#1f2937", surface: "#ffffff", background: "#f1f5f6", font: "sans" };

class MailDesign {
  constructor(root) {
    this.root = root;
    this.form = root.closest("form");
    this.kept = root.querySelector('[name="design"]');
    this.html = root.querySelector('[name="html"]');
    this.list = this.part("list");
    this.frame = this.part("frame");
    this.starters = JSON.parse(document.getElementById("mail-starters").textContent);
    this.timer = 0;
    this.api = new Api({});
    const design = JSON.parse(this.kept.value || "null");
    if (design?.blocks) this.open(design);
    else this.show(this.html.value || this.form.querySelector(".invalid-feedback") ? "html" : "start");
    this.listen();
  }

  part(name, within = this.root) {
    return within.querySelector(`[data-part="${name}"]`);
  }

  /** One of "start", "html" and "blocks" is there at a time. */
  show(mode) {
    this.mode = mode;
    for (const name of ["start", "html", "blocks"]) this.part(name).hidden = name !== mode;
    if (mode === "blocks") return;
    this.kept.value = "";
    this.part("frame-box").removeAttribute("aria-busy");
  }

  open(design) {
    this.list.replaceChildren(...design.blocks.map((block) => this.card(block)));
    for (const input of this.root.querySelectorAll("[data-look]")) {
      input.value = design[input.dataset.look] ?? LOOK[input.dataset.look];
    }
    this.show("blocks");
    this.changed(0);
  }

  card(block) {
    const kind = this.root.querySelector(`template[data-kind="${block.kind}"]`);
    const card = this.root.querySelector("template[data-card]").content.firstElementChild.cloneNode(true);
    card.dataset.kind = block.kind;
    this.part("label", card).textContent = kind.dataset.label;
    this.part("fields", card).replaceChildren(...[...kind.content.cloneNode(true).children]);
    if (block.kind === "columns") {
      for (const item of block.items ?? [{}, {}]) this.addColumn(card, item);
    } else fill(card, block);
    return card;
  }

  addColumn(card, item) {
    const column = this.root.querySelector("template[data-item]").content.firstElementChild.cloneNode(true);
    fill(column, item);
    this.part("items", card).append(column);
    this.countColumns(card);
  }

  countColumns(card) {
    const columns = [...card.querySelectorAll(".design-item")];
    columns.forEach((column, index) => {
      this.part("number", column).textContent = interpolate(gettext("Column %s"), [index + 1]);
      column.querySelector('[data-do="no-column"]').hidden = columns.length < 3;
    });
    card.querySelector('[data-do="column"]').hidden = columns.length > 2;
  }

  design() {
    const blocks = [...this.list.children].map((card) => {
      if (card.dataset.kind !== "columns") return { kind: card.dataset.kind, ...read(card) };
      return { kind: "columns", items: [...card.querySelectorAll(".design-item")].map(read) };
    });
    const look = [...this.root.querySelectorAll("[data-look]")].map((input) => [input.dataset.look, input.value]);
    return { ...Object.fromEntries(look), blocks };
  }

  changed(wait = WAIT) {
    if (this.mode !== "blocks") return;
    const design = this.design();
    this.kept.value = JSON.stringify(design);
    clearTimeout(this.timer);
    this.behind = true;
    this.part("frame-box").setAttribute("aria-busy", "true");
    this.timer = setTimeout(() => this.preview(design), wait);
  }

  async preview(design) {
    try {
      const found = await this.api.latest("preview", this.root.dataset.preview, design);
      // What is written as HTML by now belongs to the person.
      if (this.mode !== "blocks") return;
      this.mark(found.errors ?? {});
      if (found.html) this.draw(found);
      else this.part("frame-box").removeAttribute("aria-busy");
    } catch (error) {
      if (error.name === "AbortError") return;
      this.part("frame-box").removeAttribute("aria-busy");
      throw error;
    }
  }

  /** `drawn`: the mail as {html, dark}; the look that is chosen is shown. */
  draw(drawn) {
    this.top = this.frame.contentWindow?.scrollY ?? 0;
    this.drawn = drawn;
    this.behind = false;
    this.html.value = drawn.html;
    const dark = this.part("frame-box").classList.contains("dark");
    this.frame.srcdoc = dark ? drawn.dark : drawn.html;
  }

  /** The mail stands in the frame: it keeps its place, and a click in it leads to the block. */
  shown() {
    const page = this.frame.contentDocument;
    this.frame.contentWindow.scrollTo(0, this.top);
    page.addEventListener("click", (event) => {
      event.preventDefault();
      const number = event.target.closest('[class^="block-"]')?.className.match(/block-(\d+)/)?.[1];
      const card = this.list.children[number];
      if (card) this.go(card, "center");
    });
    if (!this.behind) this.part("frame-box").removeAttribute("aria-busy");
  }

  /** Messages at the fields that they are about: design/blocks/2/items/0/url, design/accent. */
  mark(errors) {
    for (const note of this.root.querySelectorAll("[data-note]")) note.remove();
    for (const input of this.root.querySelectorAll(".is-invalid")) input.classList.remove("is-invalid");
    for (const [path, messages] of Object.entries(errors)) {
      const [, first, ...rest] = path.split("/");
      let place = this.root.querySelector(`[data-look="${first}"]`) ?? this.list;
      if (first === "blocks" && rest.length) {
        const card = this.list.children[rest[0]];
        const within = rest[1] === "items" ? card.querySelectorAll(".design-item")[rest[2]] ?? card : card;
        place = within.querySelector(`[data-field="${rest.at(-1)}"]`) ?? within;
      }
      place.classList.add("is-invalid");
      const note = document.createElement("div");
      note.className = "invalid-feedback d-block";
      note.dataset.note = "";
      note.textContent = messages.join(" ");
      (place.closest("label") ?? place).after(note);
    }
  }

  /** Another mail takes the place of the present one. */
  take({ design, html }) {
    this.html.value = html;
    if (design?.blocks) this.open(design);
    else this.show(html ? "html" : "start");
  }

  listen() {
    this.frame.addEventListener("load", () => { if (this.drawn) this.shown(); });
    this.root.addEventListener("mail-given", (event) => this.take(event.detail));
    this.root.addEventListener("input", (event) => {
      if (event.target.closest("[data-field], [data-look]")) this.changed();
    });
    this.root.addEventListener("click", (event) => this.click(event));
    this.root.addEventListener("focusin", (event) => this.point(event.target.closest(".design-block")));
    this.part("search").addEventListener("input", () => this.findPictures());
    this.part("search").addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
    if (window.Sortable) {
      new window.Sortable(this.list, { handle: "[data-grip]", animation: 120, onEnd: () => this.changed(0) });
    }
  }

  point(card) {
    const page = this.frame.contentDocument;
    for (const part of page?.querySelectorAll("[data-pointed]") ?? []) {
      part.style.outline = "";
      delete part.dataset.pointed;
    }
    const part = card && page?.querySelector(`.block-${[...this.list.children].indexOf(card)}`);
    if (!part) return;
    part.dataset.pointed = "";
    part.style.outline = "2px solid #4a9db5";
    part.scrollIntoView({ block: "nearest" });
  }

  async click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { add, starter, part, width, shade, mark, picture } = button.dataset;
    const work = button.dataset.do;
    if (starter) this.open(this.starters.find((item) => item.key === starter).design);
    else if (add) this.add(add);
    else if (part === "write") this.show("html");
    else if (part === "to-html") await this.toHtml();
    else if (part === "to-blocks") await this.toBlocks();
    else if (part === "close") this.part("pictures").close();
    else if (width) this.width(width);
    else if (shade) this.shade(shade);
    else if (mark) this.markText(button, mark);
    else if (picture) this.choose(button);
    else if (work) this.act(button, work);
  }

  add(kind) {
    const card = this.card({ kind });
    this.list.append(card);
    this.changed(0);
    this.go(card, "nearest");
  }

  /** Into sight, and to its first field where it has one. */
  go(card, block) {
    card.scrollIntoView({ block, behavior: "smooth" });
    (card.querySelector("[data-field]") ?? card.querySelector("button")).focus({ preventScroll: true });
  }

  act(button, work) {
    const card = button.closest(".design-block");
    if (work === "picture") return this.openPictures(button.closest(".design-picture").parentElement);
    if (work === "up") card.previousElementSibling?.before(card);
    if (work === "down") card.nextElementSibling?.after(card);
    if (work === "copy") card.after(this.card(this.design().blocks[[...this.list.children].indexOf(card)]));
    if (work === "remove") card.remove();
    if (work === "column") this.addColumn(card, {});
    if (work === "no-column") {
      button.closest(".design-item").remove();
      this.countColumns(card);
    }
    if (card.isConnected && ["up", "down"].includes(work)) button.focus();
    this.changed(0);
  }

  async toHtml() {
    if (!(await ask(gettext("The blocks are given up; the HTML stays as it is now. Go on?")))) return;
    // What was typed last belongs to it, too.
    clearTimeout(this.timer);
    await this.preview(this.design());
    this.show("html");
  }

  async toBlocks() {
    if (!this.html.value.trim() || (await ask(gettext("Blocks take the place of this HTML. Go on?")))) this.show("start");
  }

  width(name) {
    this.part("frame-box").classList.toggle("narrow", name === "phone");
    this.press("width", name);
  }

  shade(name) {
    this.part("frame-box").classList.toggle("dark", name === "dark");
    this.press("shade", name);
    if (this.drawn) this.draw(this.drawn);
  }

  press(what, name) {
    for (const button of this.root.querySelectorAll(`[data-${what}]`)) {
      button.setAttribute("aria-pressed", String(button.dataset[what] === name));
    }
  }

  markText(button, mark) {
    const area = button.closest(".design-words").querySelector("textarea");
    const [start, end] = [area.selectionStart, area.selectionEnd];
    const chosen = area.value.slice(start, end);
    const text = {
      link: `[${chosen || gettext("link")}](https://)`,
      list: (chosen || gettext("item")).split("\n").map((line) => `- ${line}`).join("\n"),
      variable: "${name}",
    }[mark] ?? `${mark}${chosen || gettext("text")}${mark}`;
    area.setRangeText(text, start, end, "select");
    area.focus();
    this.changed();
  }

  openPictures(place) {
    this.wanting = place;
    this.part("search").value = "";
    this.part("pictures").showModal();
    this.findPictures();
  }

  async findPictures() {
    const words = this.part("search").value;
    const answer = await fetch(`${this.root.dataset.pictures}?search=${encodeURIComponent(words)}`, { headers: { "HX-Request": "true" } });
    if (answer.ok && words === this.part("search").value) this.part("found").innerHTML = await answer.text();
  }

  choose(button) {
    const field = (name) => this.wanting.querySelector(`[data-field="${name}"]`);
    field("src").value = button.dataset.picture;
    if (!field("alt").value) field("alt").value = button.dataset.name.replace(/\.\w+$/, "");
    this.part("pictures").close();
    this.changed(0);
  }
}

function fill(place, values) {
  for (const input of place.querySelectorAll("[data-field]")) {
    if (values[input.dataset.field] !== undefined) input.value = values[input.dataset.field];
  }
}

function read(place) {
  const inputs = [...place.querySelectorAll("[data-field]")];
  return Object.fromEntries(
    inputs.map((input) => [input.dataset.field, input.type === "number" ? Number(input.value) : input.value]),
  );
}

for (const root of document.querySelectorAll("[data-mail-design]")) new MailDesign(root);
