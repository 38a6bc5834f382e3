/* The page of an RFM model: composition of its groups, bubbles at their averages, purchases over time. */

import { Figure, follow } from "./chart-figure.js";
import { numbers } from "./chart-frame.js";
import { compact, faint, mount, number, percentOf, read, TONES } from "./figures.js";

const data = read("rfm-data");
const groups = data?.groups || [];
const card = document.querySelector("[data-rfm-composition]");
const colour = (group) => TONES[group.colour % TONES.length];

const titles = {
  users: gettext("Customers"),
  amount: gettext("Amount"),
  count: gettext("Purchases"),
  amount_per_user: gettext("Amount per customer"),
  count_per_user: gettext("Purchases per customer"),
  r_days: gettext("Days since the last one"),
  rs: gettext("Recency score"),
};
let measure = "users";

function words(group) {
  return [
    `{b|${group.label}}`,
    `${titles.users}: ${number(group.users)} (${percentOf(group.percents.users)})`,
    ...(measure === "users" ? [] : [`${titles[measure]}: ${number(group[measure])} (${percentOf(group.percents[measure])})`]),
    `${titles.amount_per_user}: ${number(group.m, 2)}`,
    `${titles.count_per_user}: ${number(group.f, 2)}`,
    `${titles.r_days}: ${number(group.r_days, 1)}`,
  ].join("\n");
}

function tooltip(text, formatter) {
  return { renderMode: "richText", textStyle: { rich: { b: { fontWeight: 700, fontFamily: text.fontFamily } }, fontFamily: text.fontFamily }, formatter };
}

function composition(text) {
  return {
    tooltip: tooltip(text, ({ data: part }) => words(part.group)),
    series: [{
      type: "pie",
      radius: ["40%", "60%"],
      label: { ...text, overflow: "none", formatter: ({ data: part }) => percentOf(part.group.percents[measure]) },
      labelLine: { length: 6, length2: 4 },
      labelLayout: { hideOverlap: true },
      itemStyle: { borderColor: "transparent", borderWidth: 2 },
      data: groups.map((group) => ({ name: group.label, value: Math.max(0, group[measure]), group, itemStyle: { color: colour(group) } })),
    }],
  };
}

// One bubble per group at the averages of its customers. The size is a score for recency: the higher, the more recent.
const BUBBLES = {
  power: { x: "f", y: "m", size: "rs", names: { x: titles.count_per_user, y: titles.amount_per_user, size: titles.rs } },
  potential: { x: "r_days", y: "m", size: "f", names: { x: titles.r_days, y: titles.amount_per_user, size: titles.count_per_user } },
  change: { x: "f", y: "r_days", size: "m", names: { x: titles.count_per_user, y: titles.r_days, size: titles.amount_per_user } },
};

/** The groups with what a chart of bubbles shows of them. */
function bubbleTable({ x, y, size, names }) {
  const column = (heading, key) => numbers(heading, (group) => group[key], 2);
  return {
    columns: () => [[gettext("Group"), (group) => group.label], numbers(titles.users, (group) => group.users), column(names.x, x), column(names.y, y), column(names.size, size)],
    values: () => groups,
    link: (group) => group.url,
  };
}

function bubbles({ x, y, size, names }) {
  const sizes = groups.map((group) => group[size]);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const diameter = (value) => (most > least ? 12 + (34 * (value - least)) / (most - least) : 28);
  // Room for whole bubbles and their names at the edges.
  const room = (key) => {
    const values = groups.map((group) => group[key]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const more = 0.18 * (high - low) || Math.abs(high) * 0.2 || 1;
    return { min: low >= 0 ? Math.max(0, low - more) : low - more, max: high + more };
  };
  const rounded = (value) => (Number.isInteger(value) || Math.abs(value) < 10 ? compact(Number(value.toFixed(1))) : compact(Math.round(value)));
  const axis = (name, key, text) => ({ type: "value", ...room(key), name, nameLocation: "middle", nameTextStyle: text, axisLabel: { ...text, formatter: rounded, hideOverlap: true, showMinLabel: false, showMaxLabel: false }, ...faint });
  return (text) => ({
    grid: { left: 36, right: 12, top: 16, bottom: 28, containLabel: true },
    tooltip: tooltip(text, ({ data: part }) => words(part.group)),
    xAxis: { ...axis(names.x, x, text), nameGap: 28 },
    yAxis: { ...axis(names.y, y, text), nameGap: 42 },
    series: [{
      type: "scatter",
      data: groups.map((group) => ({ name: group.label, value: [group[x], group[y], group[size]], group, url: group.url, symbolSize: diameter(group[size]), itemStyle: { color: colour(group), opacity: 0.75 } })),
      label: { show: true, position: "top", formatter: "{b}", ...text, fontSize: 11 },
      labelLayout: { hideOverlap: true },
    }],
  });
}

function trend(key) {
  const buckets = data.trend.buckets;
  return (text) => ({
    grid: { left: 4, right: 4, top: 8, bottom: 4 },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, textStyle: { fontFamily: text.fontFamily }, formatter: ([point]) => `${point.name}\n${titles[key]}: ${number(point.value, 2)}` },
    xAxis: { type: "category", show: false, boundaryGap: false, data: buckets.map((bucket) => bucket.start) },
    yAxis: { type: "value", show: false, scale: true },
    series: [{ type: "line", showSymbol: false, lineStyle: { width: 2 }, areaStyle: { opacity: 0.1 }, data: buckets.map((bucket) => bucket[key]) }],
  });
}

/** Columns of the amount, lines of people and purchases, which have an axis of their own. */
function course(text) {
  const { buckets } = data.trend;
  const counts = ["users", "count"].map((key, place) => ({ name: titles[key], type: "line", yAxisIndex: 1, showSymbol: buckets.length === 1, itemStyle: { color: TONES[place + 1] }, data: buckets.map((bucket) => ({ value: bucket[key], url: bucket.url })) }));
  const axis = { type: "value", nameTextStyle: text, axisLabel: { ...text, formatter: compact } };
  return {
    legend: { top: 0, textStyle: text },
    grid: { left: 8, right: 8, top: 56, bottom: 44, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, textStyle: { fontFamily: text.fontFamily }, valueFormatter: (value) => number(value, 2) },
    xAxis: { type: "category", data: buckets.map((bucket) => bucket.start), axisLabel: { ...text, hideOverlap: true } },
    yAxis: [{ ...axis, name: titles.amount, ...faint }, { ...axis, min: 0, splitLine: { show: false } }],
    dataZoom: [{ type: "slider", height: 18, bottom: 8 }],
    series: [{ name: titles.amount, type: "bar", barMaxWidth: 32, itemStyle: { color: TONES[0], opacity: 0.6 }, data: buckets.map((bucket) => ({ value: bucket.amount, url: bucket.url })) }, ...counts],
  };
}

function courseTable() {
  const column = (key, digits) => numbers(titles[key], (bucket) => bucket[key], digits);
  return {
    columns: () => [[gettext("Beginning"), (bucket) => bucket.start], column("users", 0), column("amount", 2), column("count", 0), column("amount_per_user", 2), column("count_per_user", 2)],
    values: () => data.trend.buckets,
    link: (bucket) => bucket.url,
  };
}

let sampled = "";
async function showSamples(type) {
  sampled = type;
  const place = card.querySelector("[data-rfm-samples]");
  const address = new URL(data.samples, location.href);
  address.searchParams.set("type", type);
  const answer = await fetch(address, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok) return;
  const samples = await answer.text();
  // Somebody may have pressed another group since.
  if (sampled !== type) return;
  place.innerHTML = samples;
  place.hidden = false;
}

function start() {
  const pie = new Figure(card.querySelector("[data-rfm-chart=composition]"), composition, { press: ({ group }) => showSamples(group.type) });
  for (const [key, bubble] of Object.entries(BUBBLES)) new Figure(document.querySelector(`[data-rfm-chart=${key}]`), bubbles(bubble), { table: bubbleTable(bubble), press: follow });
  const timeline = document.querySelector("[data-rfm-chart=course]");
  if (timeline) new Figure(timeline, course, { table: courseTable(), press: follow });
  for (const place of document.querySelectorAll("[data-rfm-trend]")) mount(place, trend(place.dataset.rfmTrend));
  for (const button of card.querySelectorAll("[data-measure]")) {
    button.addEventListener("click", () => {
      measure = button.dataset.measure;
      for (const other of card.querySelectorAll("[data-measure]")) {
        other.classList.toggle("active", other === button);
        other.setAttribute("aria-pressed", String(other === button));
      }
      for (const group of groups) card.querySelector(`[data-share=${group.type}]`).textContent = percentOf(group.percents[measure]);
      pie.draw();
    });
  }
  for (const group of groups) card.querySelector(`[data-dot=${group.type}]`).style.backgroundColor = colour(group);
  for (const button of card.querySelectorAll("[data-group]")) button.addEventListener("click", () => showSamples(button.dataset.group));
  const choose = card.querySelector("[data-choose]");
  const ticked = () => { if (choose) choose.disabled = !card.querySelector("input[name=type]:checked"); };
  card.addEventListener("change", ticked);
  ticked();
}

if (card) start();
