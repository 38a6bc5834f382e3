// Digital SMS: parts are added, moved and removed; a phone shows them. The form posts them as JSON.

const ACCEPT = { image: ".jpg,.jpeg,.png,.gif", audio: ".mp3", video: ".mp4" };
const LABELS = { text: gettext("Words"), image: gettext("Picture"), audio: gettext("Sound"), video: gettext("Video") };
const TAGS = { image: "img", audio: "audio", video: "video" };

/** Parts on a phone, below the signature. */
export function showOn(phone, { subject, signature, parts }) {
  phone.querySelector('[data-part="subject"]').textContent = subject;
  const shown = parts.filter((part) => part.kind === "text" || part.url).map((part) => {
    const element = document.createElement(TAGS[part.kind] ?? "p");
    if (part.kind === "text") element.textContent = part.text;
    else {
      element.src = part.url;
      if (part.kind === "image") element.alt = part.name;
      else Object.assign(element, { controls: true, preload: "metadata", ariaLabel: part.name });
    }
    return element;
  });
  if (signature && shown.length) {
    const first = document.createElement("p");
    first.textContent = `【${signature}】`;
    shown.unshift(first);
  }
  phone.querySelector('[data-part="parts"]').replaceChildren(...shown);
}

class DigitalSms {
  constructor(root) {
    this.root = root;
    this.form = root.closest("form");
    this.kept = this.form.querySelector('[name="parts"]');
    this.list = this.part("list");
    const parts = JSON.parse(this.kept.value || "[]");
    for (const part of Array.isArray(parts) ? parts : []) this.add(part);
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("input", () => this.changed());
    root.addEventListener("change", (event) => {
      if (event.target.matches('[data-part="file"]')) this.upload(event.target);
      else this.changed();
    });
    this.changed();
  }

  part(name, within = this.root) {
    return within.querySelector(`[data-part="${name}"]`);
  }

  add(part) {
    const card = this.root.querySelector("template[data-card]").content.firstElementChild.cloneNode(true);
    card.dataset.kind = part.kind;
    this.part("label", card).textContent = LABELS[part.kind];
    this.part("text", card).hidden = part.kind !== "text";
    this.part("media", card).hidden = part.kind === "text";
    this.part("file", card).accept = ACCEPT[part.kind] ?? "";
    if (part.kind === "text") this.part("text", card).value = part.text ?? "";
    this.list.append(card);
    if (part.material) this.choose(card, part);
    return card;
  }

  choose(card, file) {
    card.file = file;
    this.part("chosen", card).textContent = `${file.name} · ${(file.size / 1e6).toFixed(2)} MB`;
    this.part("library", card).hidden = true;
    this.part("problem", card).textContent = "";
  }

  parts() {
    return [...this.list.children].map((card) => card.dataset.kind === "text"
      ? { kind: "text", text: this.part("text", card).value }
      : { ...card.file, kind: card.dataset.kind });
  }

  changed() {
    const parts = this.parts();
    this.kept.value = JSON.stringify(parts);
    const cards = [...this.list.children];
    cards.forEach((card, index) => {
      card.querySelector('[data-do="up"]').disabled = index === 0;
      card.querySelector('[data-do="down"]').disabled = index === cards.length - 1;
    });
    const full = parts.length >= Number(this.root.dataset.mostParts);
    for (const button of this.root.querySelectorAll("[data-add]")) button.disabled = full;
    // A digital SMS has at most one video.
    if (parts.some((part) => part.kind === "video")) this.root.querySelector('[data-add="video"]').disabled = true;
    const bytes = parts.reduce((sum, part) => sum + (part.size ?? new Blob([part.text ?? ""]).size), 0);
    const size = this.part("size");
    size.textContent = interpolate(gettext("%(used)s of %(most)s MB, %(count)s of %(parts)s parts"), {
      used: (bytes / 1e6).toFixed(2),
      most: (this.root.dataset.mostBytes / 1e6).toFixed(1),
      count: parts.length,
      parts: this.root.dataset.mostParts,
    }, true);
    size.classList.toggle("text-danger", bytes > this.root.dataset.mostBytes);
    const chosen = this.form.querySelector('[name="signature"]').selectedOptions[0];
    showOn(this.root.querySelector("[data-digital-phone]"), {
      subject: this.form.querySelector('[name="subject"]').value,
      signature: chosen?.value ? chosen.text : "",
      parts,
    });
  }

  click(event) {
    const adds = event.target.closest("[data-add]");
    const button = event.target.closest("[data-do]");
    const file = event.target.closest("[data-file]");
    const card = event.target.closest(".digital-part");
    if (adds) {
      const made = this.add({ kind: adds.dataset.add });
      made.querySelector("textarea:not([hidden]), [data-do='library']").focus();
    } else if (file) {
      this.choose(card, card.found[file.dataset.file]);
    } else if (button?.dataset.do === "library") {
      this.open(card);
      return;
    } else if (button?.dataset.do === "remove") {
      card.remove();
    } else if (button?.dataset.do === "up" && card.previousElementSibling) {
      card.previousElementSibling.before(card);
      button.focus();
    } else if (button?.dataset.do === "down" && card.nextElementSibling) {
      card.nextElementSibling.after(card);
      button.focus();
    } else return;
    this.changed();
  }

  async open(card) {
    const place = this.part("library", card);
    const url = `${this.root.dataset.files}?kind=${card.dataset.kind}`;
    card.found = (await (await fetch(url, { headers: { Accept: "application/json" } })).json()).files;
    place.hidden = false;
    place.replaceChildren(...card.found.map((file, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.file = index;
      if (file.kind === "image") {
        const picture = document.createElement("img");
        Object.assign(picture, { src: file.url, alt: "" });
        button.append(picture);
      }
      button.append(file.name);
      return button;
    }));
    if (!card.found.length) place.textContent = gettext("The library has nothing of this kind yet.");
  }

  async upload(input) {
    const card = input.closest(".digital-part");
    const [file] = input.files;
    if (!file) return;
    const body = new FormData();
    body.append("file", file);
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
    const answer = await fetch(this.root.dataset.files, { method: "POST", body, headers: { "X-CSRFToken": token } });
    const found = await answer.json().catch(() => ({}));
    input.value = "";
    if (answer.ok && found.kind === card.dataset.kind) {
      this.choose(card, found);
      this.changed();
    } else {
      const wrong = answer.ok ? gettext("This is a file of another kind.") : gettext("The file could not be uploaded.");
      this.part("problem", card).textContent = found.error ?? wrong;
    }
  }
}

function prepare(within) {
  for (const root of within.querySelectorAll("[data-digital]:not([data-ready])")) {
    root.dataset.ready = "";
    new DigitalSms(root);
  }
}

prepare(document);
document.body.addEventListener("htmx:afterSwap", (event) => prepare(event.target));
