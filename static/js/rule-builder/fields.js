/* What is known of datasets and audiences: names and types for cards and editors. Loaded when first needed. */

import { gettext } from "./dom.js";

const FORMS = { md5: "MD5", sha256: "SHA-256", aes: "AES" };

export class Fields {
  constructor(api, datasets, audiences) {
    this.api = api;
    this.datasets = new Map(datasets.map((row) => [row.id, row]));
    this.audiences = new Map(audiences.map((row) => [row.id, row]));
    this.snapshots = new Map(audiences.map((row) => [row.id, row.snapshots || []]));
    this.loaded = new Map();
  }

  async load(dataset) {
    if (this.loaded.has(dataset)) return this.loaded.get(dataset);
    const info = await this.api.fields(dataset);
    info.byColumn = new Map((info.tags || []).map((tag) => [tag.column, tag]));
    this.loaded.set(dataset, info);
    return info;
  }

  forget(dataset) {
    this.loaded.delete(dataset);
  }

  /** Load everything that the conditions of a rule speak of; datasets that are gone are left out. */
  async loadAll(leaves) {
    const wanted = new Set(leaves.map((node) => node.leaf.dataset).filter(Boolean));
    await Promise.all([...wanted].map((dataset) => this.load(dataset).catch(() => null)));
  }

  userDatasets() {
    return [...this.datasets.values()].filter((row) => row.kind === "user_tags");
  }

  datasetName(id) {
    return this.datasets.get(id)?.name || gettext("A dataset that is gone");
  }

  tag(dataset, column) {
    return this.loaded.get(dataset)?.byColumn.get(column) || null;
  }

  tagName(dataset, column) {
    return this.tag(dataset, column)?.name || column;
  }

  tagType(dataset, column) {
    return this.tag(dataset, column)?.type || null;
  }

  /** Why a condition cannot be computed any more, where a column that it asks for is gone; otherwise "". */
  lost(leaf) {
    if (leaf.kind === "tag") return this.tag(leaf.dataset, leaf.tag)?.lost || "";
    if (leaf.kind !== "behaviour" && leaf.kind !== "sequence") return "";
    const { objects, lost_channel: channel } = this.behaviour(leaf.dataset);
    const parts = [leaf, ...(leaf.steps || []), ...(leaf.steps || []).flatMap((step) => step.not_between || [])];
    const asked = parts.flatMap((part) => part.objects || []).map((entry) => objects.find((item) => item.name === entry.name)?.lost);
    return asked.find(Boolean) || (channel && parts.some((part) => part.channel?.length) ? channel : "");
  }

  /** By which ID a condition's people are known, and in which form; null where that is not known here. */
  identity(leaf) {
    const own = leaf.kind === "audience" ? this.audiences.get(leaf.audience) : this.datasets.get(leaf.dataset);
    return own?.user_id_type ? { type: leaf.map?.to || own.user_id_type, form: own.user_id_encryption } : null;
  }

  identityLabel({ type, form }) {
    const label = this.idTypes?.[type] || type;
    return FORMS[form] ? `${label} (${FORMS[form]})` : label;
  }

  /** Why people of one condition cannot be compared with those of another; "" where they can. */
  unlike(leaf, other) {
    const [found, wanted] = [this.identity(leaf), this.identity(other)];
    if (!found || !wanted || (found.type === wanted.type && found.form === wanted.form)) return "";
    return gettext("Knows its people by %(found)s, not by %(wanted)s.", { found: this.identityLabel(found), wanted: this.identityLabel(wanted) });
  }

  /** Why a condition cannot stand beside another, not even translated: a translation keeps the form. */
  misfit(leaf, other) {
    const reason = this.unlike(leaf, other);
    const translatable = this.translations?.length && reason && this.identity(leaf).form === this.identity(other).form;
    return translatable ? "" : reason;
  }

  behaviour(dataset) {
    return this.loaded.get(dataset)?.behaviour || { objects: [], has_channel: false, has_amount: false };
  }

  objectName(dataset, name) {
    return this.behaviour(dataset).objects.find((item) => item.name === name)?.label || name;
  }

  rememberAudiences(rows) {
    for (const row of rows) this.audiences.set(row.id, row);
  }

  rememberSnapshots(audience, rows) {
    this.snapshots.set(audience, rows);
  }

  snapshotsOf(audience) {
    return this.snapshots.get(audience) || [];
  }

  /** A snapshot by its ID, name or number; null where it is not known. */
  snapshot(audience, key) {
    return this.snapshotsOf(audience).find((row) => [row.id, row.name, String(row.version)].includes(String(key))) || null;
  }

  audienceName(id) {
    return this.audiences.get(id)?.name || gettext("An audience that is gone");
  }
}
