/* The choice of one table among many: searched on the server, page by page while scrolling. */

const select = document.querySelector("select[data-tables]");
const address = select.dataset.tables;
const note = document.createElement("div");
note.className = "form-hint text-danger";
note.setAttribute("role", "alert");

function pageOf(search, number) {
  const url = new URL(address, location);
  url.searchParams.set("q", search);
  url.searchParams.set("page", number);
  return url.href;
}

// The pages that follow are asked for under the search that they belong to.
let number = 1;
new TomSelect(select, {
  plugins: ["virtual_scroll"],
  valueField: "name",
  labelField: "name",
  searchField: ["name"],
  sortField: [{ field: "$order" }],
  score: () => () => 1,
  maxItems: 1,
  maxOptions: null,
  preload: "focus",
  loadThrottle: 200,
  shouldLoad: () => true,
  placeholder: gettext("Search tables"),
  hidePlaceholder: true,
  firstUrl: (search) => {
    number = 1;
    return pageOf(search, number);
  },
  async load(search, done) {
    try {
      const response = await fetch(this.getUrl(search), { headers: { Accept: "application/json" } });
      const answer = await response.json();
      note.textContent = response.ok ? "" : answer.detail;
      if (answer.more) this.setNextUrl(search, pageOf(search, ++number));
      done((answer.results ?? []).map((name) => ({ name })));
    } catch {
      note.textContent = gettext("The server cannot be reached.");
      done();
    }
  },
  render: {
    no_results: () => `<div class="no-results">${gettext("No table is called so.")}</div>`,
    no_more_results: () => "",
    loading_more: () => `<div class="no-results">${gettext("Loading …")}</div>`,
  },
});
select.setAttribute("aria-hidden", "true");
select.parentElement.append(note);
