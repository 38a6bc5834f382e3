/* The page of an RFM model: composition of its groups, bubbles at their averages, purchases over time. */

import { Figure } from "./chart-figure.js";
import { numbers } from "./chart-frame.js";
import { compact, faint, mount, number, percent, read, TONES } from "./figures.js";

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
    `${titles.users}: ${number(group.users)} (${percent(group.shares.users)})`,
    ...(measure === "users" ? [] : [`${titles[measure]}: ${number(group[measure])} (${percent(group.shares[measure])})`]),
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
      label: { ...text, overflow: "none", formatter: ({ data: part }) => percent(part.group.shares[measure]) },
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
  };
}

function bubbles({ x, y, size, names }) {
  const sizes = groups.map((group) => group[size]);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const diameter = (value) => (most > least ? 12 + (34 * (value - least)) / (most - least) : 28);
  const axis = (name, text) => ({ type: "value", scale: true, name, nameLocation: "middle", nameTextStyle: text, axisLabel: { ...text, formatter: compact, hideOverlap: true }, ...faint });
  return (text) => ({
    grid: { left: 40, right: 32, top: 24, bottom: 28, containLabel: true },
    tooltip: tooltip(text, ({ data: part }) => words(part.group)),
    xAxis: { ...axis(names.x, text), nameGap: 28 },
    yAxis: { ...axis(names.y, text), nameGap: 40 },
    series: [{
      type: "scatter",
      data: groups.map((group) => ({ name: group.label, value: [group[x], group[y], group[size]], group, symbolSize: diameter(group[size]), itemStyle: { color: colour(group), opacity: 0.75 } })),
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

async function showSamples(type) {
  const place = card.querySelector("[data-rfm-samples]");
  const address = new URL(data.samples, location.href);
  address.searchParams.set("type", type);
  const answer = await fetch(address, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok) return;
  place.innerHTML = await answer.text();
  place.hidden = false;
}

function start() {
  const pie = new Figure(card.querySelector("[data-rfm-chart=composition]"), composition, { press: ({ group }) => showSamples(group.type) });
  for (const [key, bubble] of Object.entries(BUBBLES)) new Figure(document.querySelector(`[data-rfm-chart=${key}]`), bubbles(bubble), { table: bubbleTable(bubble) });
  for (const place of document.querySelectorAll("[data-rfm-trend]")) mount(place, trend(place.dataset.rfmTrend));
  for (const button of card.querySelectorAll("[data-measure]")) {
    button.addEventListener("click", () => {
      measure = button.dataset.measure;
      for (const other of card.querySelectorAll("[data-measure]")) {
        other.classList.toggle("active", other === button);
        other.setAttribute("aria-pressed", String(other === button));
      }
      for (const group of groups) card.querySelector(`[data-share=${group.type}]`).textContent = percent(group.shares[measure]);
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
