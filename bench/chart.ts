import { type Growth, type Report, rowsOf } from "./report.ts";

const title = "Throughput of Pinebase as a multiple of others: right of 1x is faster";
const left = 300;
const width = 920;
const line = 30;
const top = 64;
/** Exponents of 2: ratios from 0.25 to 128 have a place on the logarithmic scale, others are drawn at its ends. */
const range = { lowest: -2, highest: 7 };
const colours = { bare: "#4c78a8", seed: "#f58518", sync: "#54a24b" };
const names = {
  bare: "the bare statements",
  seed: "the seed's schema",
  sync: "stripe-sync-engine",
};

/** The ratios as an SVG picture: a dot at the median, and a line over the middle half of the rounds. */
export function chart(report: Report): string {
  const rows = rowsOf(report.measurements);
  const ratios = top + rows.length * line + 40;
  const height = ratios + (report.growth.length === 0 ? 0 : growthHeight);
  const parts = rows.flatMap((row, index) => {
    const y = top + index * line + line / 2;
    const label = `${row.scenario}, ${row.clients} ${row.clients === 1 ? "client" : "clients"}`;
    const marks = (["bare", "seed", "sync"] as const).flatMap((side, place) => {
      const ratio = row.ratios[side];
      if (ratio === null) return [];
      const at = y + (place - 1) * 6;
      const [from, to, middle] = [x(ratio.lower), x(ratio.upper), x(ratio.median)];
      return [
        `<line x1="${from}" y1="${at}" x2="${to}" y2="${at}" stroke="${colours[side]}" stroke-width="2"/>`,
        `<circle cx="${middle}" cy="${at}" r="3.5" fill="${colours[side]}"/>`,
      ];
    });
    return [`<text x="${left - 12}" y="${y + 4}" text-anchor="end">${label}</text>`, ...marks];
  });
  const ticks = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128].flatMap((value) => [
    `<line x1="${x(value)}" y1="${top}" x2="${x(value)}" y2="${ratios - 36}" stroke="${value === 1 ? "#888" : "#ddd"}"/>`,
    `<text x="${x(value)}" y="${ratios - 18}" text-anchor="middle">${value}x</text>`,
  ]);
  const legend = (["bare", "seed", "sync"] as const).map(
    (side, index) =>
      `<text x="${left + index * 170}" y="44" fill="${colours[side]}">to ${names[side]}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="24" font-size="14">${title}</text>`,
    ...legend,
    ...ticks,
    ...parts,
    ...growthLines(report.growth, ratios),
    "</svg>",
    "",
  ].join("\n");
}

const growthHeight = 460;
const palette = [
  "#4c78a8",
  "#f58518",
  "#54a24b",
  "#e45756",
  "#72b7b2",
  "#b279a2",
  "#9d755d",
  "#bab0ac",
];

/** Time by table size, both on logarithmic scales. A cost that does not depend on the size is a horizontal line. */
function growthLines(growth: readonly Growth[], offset: number): string[] {
  const all = growth.flatMap(({ points }) => points);
  if (all.length === 0) return [];
  const sizes = [...new Set(all.map(({ strategies }) => strategies))].sort((a, b) => a - b);
  const [first = 1, last = 1] = [sizes[0], sizes.at(-1)];
  const times = all.map(({ milliseconds }) => Math.log10(milliseconds));
  const [low, high] = [Math.floor(Math.min(...times)), Math.ceil(Math.max(...times))];
  const [from, to, bottom, upper] = [80, width - 320, offset + growthHeight - 40, offset + 40];
  const place = (value: number, start: number, end: number) =>
    end === start ? 0.5 : (value - start) / (end - start);
  const across = (size: number) =>
    Math.round(from + place(Math.log10(size), Math.log10(first), Math.log10(last)) * (to - from));
  const up = (milliseconds: number) =>
    Math.round(bottom - place(Math.log10(milliseconds), low, high) * (bottom - upper));
  // Each name stands beside the end of its line, and at least 15 pixels below the name before.
  const ends = growth
    .map(({ scenario, points }, index) => ({
      scenario,
      index,
      at: up(points.at(-1)?.milliseconds ?? 1),
    }))
    .sort((a, b) => a.at - b.at);
  let next = upper;
  const labels = ends.map(({ scenario, index, at }) => {
    next = Math.max(next + 15, at);
    const colour = palette[index % palette.length];
    return `<text x="${to + 14}" y="${next + 4}" fill="${colour}">${scenario}</text>`;
  });
  return [
    `<text x="${from}" y="${offset + 18}" font-size="14">Milliseconds of one request as the number of strategies grows</text>`,
    ...sizes.map(
      (size) =>
        `<text x="${across(size)}" y="${bottom + 20}" text-anchor="middle">${size.toLocaleString("en")}</text>`,
    ),
    ...Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)).flatMap((value) => [
      `<line x1="${from}" y1="${up(value)}" x2="${to}" y2="${up(value)}" stroke="#ddd"/>`,
      `<text x="${from - 10}" y="${up(value) + 4}" text-anchor="end">${value} ms</text>`,
    ]),
    ...growth.map(({ points }, index) => {
      const path = points.map(
        ({ strategies, milliseconds }) => `${across(strategies)},${up(milliseconds)}`,
      );
      return `<polyline points="${path.join(" ")}" fill="none" stroke="${palette[index % palette.length]}" stroke-width="2"/>`;
    }),
    ...labels,
  ];
}

function x(ratio: number): number {
  const place = Math.min(Math.max(Math.log2(ratio), range.lowest), range.highest);
  const share = (place - range.lowest) / (range.highest - range.lowest);
  return Math.round(left + share * (width - left - 30));
}
