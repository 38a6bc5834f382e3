/* The list of tags beside charts: by dataset and category, found by search. */

export class TagList {
  /** `changed` is called with the tags that are ticked, as {dataset: [columns]}; `used` with each that is opened. */
  constructor(element, changed, used) {
    this.element = element;
    this.changed = changed;
    this.used = used;
    for (const box of this.boxes) box.addEventListener("change", () => this.clicked(box));
    element.querySelector("[data-tag-sort]").addEventListener("change", (event) => this.sort(event.target.value));
    element.querySelector("[data-tag-search]")?.addEventListener("input", (event) => this.search(event.target.value));
  }

  get boxes() {
    return [...this.element.querySelectorAll("[data-tag]")];
  }

  /** The only way by which a person chooses tags; those that a page opens with do not come along here. */
  clicked(box) {
    if (box.checked) this.used(box.dataset.of, box.dataset.tag);
    this.changed(this.chosen());
  }

  chosen() {
    const found = {};
    for (const box of this.boxes.filter((one) => one.checked)) (found[box.dataset.of] ??= []).push(box.dataset.tag);
    return found;
  }

  /** By how much the tags are used, inside their categories; "" for the order of the page. */
  sort(kind) {
    for (const group of this.element.querySelectorAll("[data-tag-group]")) {
      const rows = [...group.querySelectorAll("[data-tag-name]")];
      for (const [place, row] of rows.entries()) row.dataset.place ??= place;
      rows.sort((a, b) => (kind && b.dataset[kind] - a.dataset[kind]) || a.dataset.place - b.dataset.place);
      group.append(...rows);
    }
  }

  search(text) {
    const term = text.trim().toLowerCase();
    for (const group of this.element.querySelectorAll("[data-tag-group]")) {
      let any = false;
      for (const row of group.querySelectorAll("[data-tag-name]")) {
        row.hidden = !row.dataset.tagName.includes(term);
        any ||= !row.hidden;
      }
      group.hidden = !any;
      if (term && any) group.open = true;
    }
  }
}
