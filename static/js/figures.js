/* What charts of analysis pages share: an instance that follows the theme and the size of its place. */

export const TONES = ["#2f7fc1", "#e69f00", "#9a6fb8", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#8c6d31", "#7d8d93"];
export const locale = document.documentElement.lang || undefined;
export const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Draws `option(style, text)` in a place and answers the chart and a function that draws it again. */
export function mount(place, option) {
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const draw = () => {
    const style = getComputedStyle(place);
    const text = { color: style.color, fontFamily: style.fontFamily };
    chart.setOption({ animation: !calm, textStyle: text, color: TONES, ...option(text) }, true);
  };
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  new ResizeObserver(() => chart.resize()).observe(place);
  return { chart, draw };
}

export function number(value, digits = 0) {
  return value === null || value === undefined ? "–" : value.toLocaleString(locale, { maximumFractionDigits: digits });
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
}

/** Per cent that the server has rounded. */
export function percentOf(value) {
  return value === null || value === undefined ? "–" : `${value.toFixed(1)} %`;
}

export function read(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

/** Lines behind a chart, as faint in the dark as in the light. */
export const faint = { splitLine: { lineStyle: { color: "#8a979d", opacity: 0.25 } } };

/** Large numbers on an axis: 12k, 1.2M, 1.2万. */
export function compact(value) {
  return value.toLocaleString(locale, { notation: "compact" });
}
