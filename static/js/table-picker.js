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

async function ask(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  return { ...(await response.json()), ok: response.ok };
}

let newest = null;
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
  firstUrl: (search) => pageOf(search, 1),
  async load(search, done) {
    const url = this.getUrl(search);
    const asked = ask(url);
    newest = { search, url, asked };
    await asked.catch(() => null);
    // Answers can overtake each other: what was asked for last is what is shown.
    const last = newest;
    try {
      const answer = await last.asked;
      note.textContent = answer.ok ? "" : answer.detail;
      // The pages that follow are asked for under the search that they belong to.
      if (answer.more) this.setNextUrl(last.search, pageOf(last.search, Number(new URL(last.url).searchParams.get("page")) + 1));
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
