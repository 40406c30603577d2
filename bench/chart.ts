import { type Report, rowsOf } from "./report.ts";

const title = "Throughput of Pinebase as a multiple of others: right of 1x is faster";
const left = 300;
const width = 920;
const line = 30;
const top = 64;
/** Ratios from a quarter to 128 times are drawn on a logarithmic scale; what is beyond ends at the edge. */
const range = { lowest: -2, highest: 7 };
const colours = { bare: "#4c78a8", seed: "#f58518", sync: "#54a24b" };
const names = {
  bare: "the bare statements",
  seed: "the seed's schema",
  sync: "stripe-sync-engine",
};

/** The ratios as an SVG picture: a dot at the median, a line over the middle half of the rounds. */
export function chart(report: Report): string {
  const rows = rowsOf(report.measurements);
  const height = top + rows.length * line + 40;
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
    `<line x1="${x(value)}" y1="${top}" x2="${x(value)}" y2="${height - 36}" stroke="${value === 1 ? "#888" : "#ddd"}"/>`,
    `<text x="${x(value)}" y="${height - 18}" text-anchor="middle">${value}x</text>`,
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
    "</svg>",
    "",
  ].join("\n");
}

function x(ratio: number): number {
  const place = Math.min(Math.max(Math.log2(ratio), range.lowest), range.highest);
  const share = (place - range.lowest) / (range.highest - range.lowest);
  return Math.round(left + share * (width - left - 30));
}
