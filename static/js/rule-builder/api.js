/* Requests of the builder. Failures arrive as ApiError with the problem document of the server. */

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.code = problem.code || "";
    this.errors = problem.errors || {};
    this.translations = problem.translations || {};
  }
}

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] || "";
}

async function answer(response) {
  const body = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body);
  return { body, etag: response.headers.get("ETag") };
}

/* Counts of a tab go by its token, which it keeps from page to page: what the next page asks for stops in the engine
   what the last one has left. In between the token waits in the tab's storage, and only then, so that a copy of an open
   tab gets another one and the two leave each other alone. */
const KEPT = "tideline-tab";
const tab = sessionStorage.getItem(KEPT) || `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
let instances = 0;
sessionStorage.removeItem(KEPT);
addEventListener("pagehide", () => sessionStorage.setItem(KEPT, tab));
addEventListener("pageshow", () => sessionStorage.removeItem(KEPT));

const MOST_AGAIN = 3;

export class Api {
  constructor(urls) {
    this.urls = urls;
    this.waiting = new Map();
    this.known = new Map();
    this.token = `${tab}-${instances++}`;
  }

  async get(url, options = {}) {
    return (await answer(await fetch(url, { headers: { Accept: "application/json" }, ...options }))).body;
  }

  /** The same address asked for twice is fetched once. */
  cached(url) {
    if (!this.known.has(url)) {
      this.known.set(url, this.get(url).catch((error) => {
        this.known.delete(url);
        throw error;
      }));
    }
    return this.known.get(url);
  }

  async send(method, url, data, { signal, headers = {} } = {}) {
    return answer(
      await fetch(url, {
        method,
        signal,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken(), ...headers },
        body: JSON.stringify(data),
      }),
    );
  }

  /** Like `send`, but a newer call with the same name gives up the older one (which then never answers). */
  async latest(name, url, data) {
    this.waiting.get(name)?.abort();
    const control = new AbortController();
    this.waiting.set(name, control);
    try {
      const { body } = await this.sendInTurn(url, data, control.signal);
      // It may have come just before it was given up.
      control.signal.throwIfAborted();
      return body;
    } finally {
      if (this.waiting.get(name) === control) this.waiting.delete(name);
    }
  }

  /* Two requests can reach the server in the other order. The one given up here then replaces the newer one there, which
     is refused although it is still wanted, so it is sent again. */
  async sendInTurn(url, data, signal) {
    for (let left = MOST_AGAIN; ; left -= 1) {
      try {
        return await this.send("POST", url, data, { signal });
      } catch (error) {
        if (error.code !== "cancelled" || !left) throw error;
      }
    }
  }

  count(rule) {
    return this.latest("count", this.urls.preview, { rule, token: this.token });
  }

  steps(rule) {
    return this.latest("steps", this.urls.steps, { rule, token: `${this.token}-steps` });
  }

  /** Refresh a dataset and wait until that is done; raises ApiError with the reason where it fails. */
  async refreshDataset(dataset) {
    const url = this.urls.dataset_refresh.replace("DATASET", encodeURIComponent(dataset));
    let { job } = (await this.send("POST", url, {})).body;
    while (!job.status || job.status === "queued" || job.status === "running") {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      job = await this.get(this.urls.job.replace("JOB", encodeURIComponent(job.id)));
    }
    this.known.clear();
    if (job.status !== "succeeded") throw new ApiError(409, { detail: job.error || job.status });
  }

  summary(rule) {
    return this.latest("summary", this.urls.summary, { rule });
  }

  idTypes(rule) {
    return this.latest("ids", this.urls.id_types, { rule });
  }

  fields(dataset) {
    return this.cached(this.urls.fields.replace("DATASET", encodeURIComponent(dataset)));
  }

  values(dataset, column, search = "", more = {}) {
    const query = new URLSearchParams({ search, ...more });
    const url = this.urls.values
      .replace("DATASET", encodeURIComponent(dataset))
      .replace("COLUMN", encodeURIComponent(column));
    return this.cached(`${url}?${query}`);
  }

  audiences(search = "") {
    return this.cached(`${this.urls.audiences}?${new URLSearchParams({ search, page_size: 50, offers: "combine" })}`);
  }

  snapshots(audience) {
    return this.cached(`${this.urls.audiences}${encodeURIComponent(audience)}/snapshots/?page_size=100`);
  }
}
