/* How a chart panel looks as pie, columns or treemap. */

import { faint } from "./figures.js";
import { formatNumber, gettext } from "./rule-builder/dom.js";

// The accent first, then tones that people with a colour-vision deficiency tell apart.
const TONES = ["#e69f00", "#9a6fb8", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#8c6d31", "#3c8d5a", "#7d8d93"];
const PALE = "#9aa5ab";
const LONGEST_LABEL = 14;
export const FEW = 5;
export const MANY = 10;

function shorten(text) {
  return text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text;
}

/** The share in percent: as it was given, or of what is shown where unknown values are left out. */
export function percent(value, total, hidden = false) {
  if (value.percent !== undefined) return value.percent;
  if (value.share !== undefined && value.share !== null && !hidden) return 100 * value.share;
  return total ? (100 * value.value) / total : 0;
}

export function points(difference) {
  return `${difference > 0 ? "+" : ""}${difference.toFixed(1)}`;
}

export function tgi(compared) {
  return compared.tgi === null ? "–" : `${formatNumber(compared.tgi)} (${formatNumber(compared.low)}–${formatNumber(compared.high)})`;
}

/** The lines of a hover, as plain text. */
function lines(value, share, compared) {
  const found = [value.label, gettext("%(count)s people", { count: formatNumber(value.value) }), gettext("Share: %(share)s %", { share: share.toFixed(1) })];
  if (!value.compared || !compared) return found;
  found.push(`${compared.name}: ${value.compared.percent.toFixed(1)} % (${formatNumber(value.compared.count)})`);
  found.push(gettext("Difference: %(points)s points", { points: points(value.compared.difference) }));
  found.push(gettext("TGI: %(tgi)s", { tgi: tgi(value.compared) }));
  if (value.compared.few) found.push(gettext("Few people: this may be chance."));
  return found;
}

/** The option of a panel that has `values`, `data`, `type` and `element`. */
export function optionOf(panel) {
  const style = getComputedStyle(panel.element);
  const accent = style.getPropertyValue("--tblr-primary").trim();
  const palette = [accent, ...TONES];
  // A canvas knows no inheritance: the family is handed over as it was computed.
  const text = { color: style.color, fontFamily: style.fontFamily, fontSize: 12 };
  const values = panel.values;
  const total = values.reduce((sum, value) => sum + value.value, 0);
  // A value keeps its colour however the chart is sorted.
  const colour = (value) => {
    if (value.unknown || value.other) return PALE;
    return values.length <= MANY ? palette[panel.data.values.indexOf(value) % palette.length] : accent;
  };
  const share = (value) => percent(value, total, panel.state.hideUnknown);
  // A treemap counts its invisible root too, so the number of a value is taken from its part, never from the chart.
  const hover = ({ data: part }) => {
    const value = values[part?.place];
    return value ? lines(value, share(value), panel.data.compared).map((line) => echarts.format.encodeHTML(line)).join("<br>") : "";
  };
  const base = {
    color: palette,
    textStyle: text,
    aria: { enabled: true },
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    tooltip: { confine: true, formatter: hover },
  };
  const data = values.map((value, place) => ({ name: value.label, value: value.value, place, itemStyle: { color: colour(value) } }));
  if (panel.type === "pie") return { ...base, ...pies(panel, data, values, share, text, style) };
  if (panel.type === "treemap") return { ...base, series: [{ type: "treemap", left: 0, right: 0, top: 0, bottom: 0, data, roam: false, nodeClick: false, breadcrumb: { show: false }, label: { formatter: ({ name, value }) => `${name}\n${formatNumber(value)}` } }] };
  return { ...base, ...columns(panel, values, data, share, text) };
}

/** A ring; with a comparison a second one in it, of the other side. */
function pies(panel, data, values, share, text, style) {
  const outer = pie(data, values, share, text, style);
  const { compared } = panel.data;
  if (!compared) return { series: [outer] };
  const names = { outer: panel.data.name || gettext("Audience"), inner: compared.name };
  const inner = { ...outer, radius: ["14%", "32%"], label: { show: false }, data: data.map((part) => ({ ...part, value: values[part.place].compared.count, itemStyle: { ...part.itemStyle, opacity: 0.7 } })) };
  return {
    title: { text: gettext("Outer ring: %(outer)s · inner ring: %(inner)s", names), left: "center", bottom: 0, textStyle: { ...text, fontWeight: "normal", width: 380, overflow: "truncate" } },
    series: [{ ...outer, center: ["50%", "47%"] }, { ...inner, center: ["50%", "47%"] }],
  };
}

function pie(data, values, share, text, style) {
  return {
    type: "pie",
    radius: ["36%", "58%"],
    data,
    itemStyle: { borderColor: style.backgroundColor, borderWidth: 2 },
    label: { ...text, lineHeight: 16, overflow: "none", formatter: ({ name, data: part }) => `${shorten(name)}\n${share(values[part.place]).toFixed(1)} %` },
    labelLine: { length: 16, length2: 6 },
  };
}

/** People, or with a comparison the shares of both sides next to each other. */
function columns(panel, values, data, share, text) {
  const { compared } = panel.data;
  const many = values.length > MANY;
  const series = compared
    ? [
        { name: panel.data.name || gettext("Audience"), type: "bar", barMaxWidth: 32, data: values.map((value, place) => ({ value: Number(share(value).toFixed(1)), place })) },
        { name: compared.name, type: "bar", barMaxWidth: 32, itemStyle: { color: PALE }, data: values.map((value, place) => ({ value: value.compared.percent, place })) },
      ]
    : [{ type: "bar", data, barMaxWidth: many ? 24 : 48 }];
  return {
    legend: compared ? { top: 0, textStyle: text, formatter: shorten } : undefined,
    grid: { left: 8, right: 8, top: compared ? 36 : 16, bottom: many ? 48 : 8, containLabel: true },
    xAxis: { type: "category", data: values.map((value) => value.label), axisLabel: { ...text, formatter: shorten, interval: values.length > 20 ? "auto" : 0, rotate: values.length > 6 ? 30 : 0 } },
    yAxis: { type: "value", axisLabel: { ...text, formatter: compared ? "{value} %" : undefined }, ...faint },
    dataZoom: many ? [{ type: "slider", height: 18, bottom: 8 }] : [],
    series,
  };
}
