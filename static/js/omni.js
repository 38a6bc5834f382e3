/* Insight analysis: long lists of tags become searchable. */

for (const select of document.querySelectorAll("select[data-many]")) {
  new TomSelect(select, { maxItems: 10, plugins: ["remove_button"] });
}
