/* The editor of a condition on membership: in the latest version of an audience, or in one of its snapshots. */

import { clear, field, formatNumber, h, select, gettext } from "./dom.js";

export function audienceEditor(leaf, { fields, api, update }) {
  const box = h("div");
  const body = h("div");
  box.append(h("div", { class: "h3" }, fields.audienceName(leaf.audience)), body);
  draw();
  api.snapshots(leaf.audience).then((answer) => {
    fields.rememberSnapshots(leaf.audience, answer.results);
    draw();
  }, () => {});
  return box;

  function draw() {
    const kept = fields.snapshotsOf(leaf.audience);
    const chosen = leaf.snapshot === undefined ? null : fields.snapshot(leaf.audience, leaf.snapshot);
    const options = [["", gettext("The latest version")], ...kept.map((row) => [row.id, `${row.name} (${formatNumber(row.count)})`])];
    if (leaf.snapshot !== undefined && !chosen) options.push([String(leaf.snapshot), gettext("A snapshot that is gone")]);
    const words = leaf.snapshot === undefined
      ? gettext("Everybody who belongs to the latest good version of this audience.")
      : gettext("Everybody who belonged to it then. This stays the same whenever the audience is refreshed.");
    clear(body).append(
      field(gettext("Members of"), select(options, leaf.snapshot === undefined ? "" : chosen?.id || String(leaf.snapshot), change)),
      h("p", { class: "text-secondary small" }, words),
    );
  }

  function change(snapshot) {
    leaf = { ...leaf };
    delete leaf.snapshot;
    if (snapshot) leaf.snapshot = snapshot;
    update(leaf);
    draw();
    body.querySelector("select").focus();
  }
}
