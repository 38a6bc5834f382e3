/* The steps of a funnel as a drawing: the wider, the more people reached them. */

import { Figure, follow } from "./chart-figure.js";
import { percent, read, TONES } from "./figures.js";
import { formatNumber, gettext } from "./rule-builder/dom.js";

const place = document.querySelector("[data-funnel-chart]");
const steps = read("funnel-data");

function words(step, place) {
  const found = [`${place + 1} ${step.label}`, gettext("%(count)s people", { count: formatNumber(step.users) })];
  if (place) found.push(`${gettext("Of the first step")}: ${percent(step.share)}`, `${gettext("Of the step before")}: ${percent(step.rate)}`);
  return found.join("\n");
}

function option(text) {
  return {
    tooltip: { renderMode: "richText", textStyle: { fontFamily: text.fontFamily }, formatter: ({ dataIndex }) => words(steps[dataIndex], dataIndex) },
    series: [{
      type: "funnel",
      sort: "none",
      left: "5%",
      right: "45%",
      top: 8,
      bottom: 8,
      minSize: "2%",
      gap: 3,
      label: { ...text, opacity: 1, position: "right", overflow: "none", formatter: ({ dataIndex }) => `${dataIndex + 1} ${steps[dataIndex].label}: ${formatNumber(steps[dataIndex].users)} (${percent(steps[dataIndex].share)})` },
      labelLine: { lineStyle: { color: text.color, opacity: 0.4 } },
      itemStyle: { borderWidth: 0 },
      data: steps.map((step, place) => ({ name: step.label, value: step.users, url: step.url, itemStyle: { color: TONES[0], opacity: 1 - (0.5 * place) / steps.length } })),
    }],
  };
}

if (place) new Figure(place, option, { press: follow });
