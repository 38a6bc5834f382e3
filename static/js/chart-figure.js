/* A chart of an analysis page, whose numbers came with the page. */

import { ChartFrame } from "./chart-frame.js";
import { calm, TONES } from "./figures.js";
import { gettext, h } from "./rule-builder/dom.js";

export class Figure extends ChartFrame {
  /**
   * `place`: where it is drawn, in a `.chart-panel`. `option(text)` is what ECharts draws, `press(part)` what happens when
   * a part is pressed. `table`: {columns, values, link?}, functions, where the page holds no table of its own; `link(value)`
   * is the way to an audience of a row.
   */
  constructor(place, option, { press, table } = {}) {
    super(place.closest(".chart-panel"));
    Object.assign(this, { place, drawing: option, action: press, rows: table });
    this.buildTools();
    this.draw();
  }

  get renderer() {
    return "svg";
  }

  get tabular() {
    return Boolean(this.rows);
  }

  get columns() {
    return this.rows.columns();
  }

  get values() {
    return this.rows.values();
  }

  cell(value, text, place) {
    const href = place === this.columns.length - 1 && this.rows.link?.(value);
    return href ? h("a", { class: "text-decoration-underline", href, title: gettext("Make an audience") }, text) : text;
  }

  press(part) {
    if (part) this.action?.(part);
  }

  option() {
    const style = getComputedStyle(this.place);
    const text = { color: style.color, fontFamily: style.fontFamily };
    return { animation: !calm, textStyle: text, color: TONES, ...this.drawing(text) };
  }
}

/** Opens the way to an audience of a part, where there is one. */
export function follow({ url }) {
  if (url) location.assign(url);
}
