/* The paths that people took, as a flow from step to step. */

import { Figure, follow } from "./chart-figure.js";
import { locale, read, TONES } from "./figures.js";

const place = document.querySelector("[data-paths]");
const data = read("paths-data");
const key = (level, type) => `${level}:${type}`;

function option(text) {
  const labels = new Map(data.nodes.map((node) => [key(node.level, node.type), node]));
  const types = [...new Set(data.nodes.map((node) => node.type).filter(Boolean))];
  const colour = (type) => (type ? TONES[types.indexOf(type) % (TONES.length - 1)] : TONES.at(-1));
  // Who went no further is there, but not in the way.
  const faint = (type) => (type === null ? 0.35 : 1);
  return {
    tooltip: {
      renderMode: "richText",
      textStyle: { fontFamily: text.fontFamily },
      formatter: ({ dataType, data: part, name }) =>
        dataType === "edge"
          ? `${labels.get(part.source).label} → ${labels.get(part.target).label}: ${part.value.toLocaleString(locale)}`
          : `${labels.get(name).label}: ${labels.get(name).users.toLocaleString(locale)}`,
    },
    series: [{
      type: "sankey",
      left: 8,
      right: 110,
      top: 8,
      bottom: 8,
      nodeGap: 12,
      draggable: false,
      layoutIterations: 0,
      emphasis: { focus: "adjacency" },
      label: { ...text, formatter: ({ name }) => labels.get(name).label },
      lineStyle: { color: "source", opacity: 0.35 },
      data: data.nodes.map((node) => ({ name: key(node.level, node.type), depth: node.level, value: node.users, url: node.url, itemStyle: { color: colour(node.type), opacity: faint(node.type) } })),
      links: data.links.map((link) => ({ source: key(link.level - 1, link.from), target: key(link.level, link.to), value: link.users, url: link.url, lineStyle: { opacity: 0.35 * faint(link.to) } })),
    }],
  };
}

if (place) new Figure(place, option, { press: follow });
