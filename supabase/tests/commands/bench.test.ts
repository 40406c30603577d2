import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { chart } from "../../../bench/chart.ts";
import { ratioTo, spread } from "../../../bench/measure.ts";
import { loadPeers, peersMissing } from "../../../bench/peers.ts";
import { type Report, reportTable } from "../../../bench/report.ts";
import { scenarios } from "../../../bench/scenarios.ts";
import { runCommand } from "../support/commands.ts";

const report: Report = {
  machine: { processor: "x", cores: 2, memoryGiB: 8, system: "x", node: "20", postgres: "17" },
  strategies: 1000,
  rounds: 3,
  seconds: 1,
  measurements: [
    { scenario: "own list", clients: 1, rates: { ours: [90, 100, 220], bare: [100, 100, 200] } },
  ],
  growth: [],
  coldStarts: [{ name: "health", cold: 90, warm: 2 }],
  bytesPerRow: { "public.strategies": 500 },
};

describe("npm run bench", () => {
  it("computes ratios within each round, not of medians", () => {
    const [measurement] = report.measurements;
    const ratio = measurement && ratioTo(measurement, "bare");
    expect(ratio).toEqual({ median: 1, lower: 0.95, upper: 1.05 });
    expect(measurement && ratioTo(measurement, "seed")).toBeNull();
  });

  it("computes the median of an even number of rounds", () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, lower: 1.75, upper: 3.25 });
  });

  it("prints and draws each ratio with its spread", () => {
    expect(reportTable(report)).toMatch(/own list +1 +100 +1\.00 \(0\.95-1\.05\)/);
    const picture = chart(report);
    expect(picture).toContain("own list, 1 client<");
    expect(picture.match(/<circle /g)?.length).toBe(1);
  });

  it("draws the time of a request as the tables grow", () => {
    const points = [1_000, 100_000, 1_000_000].map((strategies) => ({
      strategies,
      milliseconds: 2,
    }));
    const grown = { ...report, growth: [{ scenario: "own list", points }] };
    const [, line = ""] = /<polyline points="([^"]+)"/.exec(chart(grown)) ?? [];
    const heights = line.split(" ").map((point) => point.split(",")[1]);
    expect(heights).toHaveLength(3);
    expect(new Set(heights).size).toBe(1);
    expect(chart(grown)).toContain(">1,000,000<");
    expect(reportTable(grown)).toMatch(/own list +2\.00 +2\.00 +2\.00/);
  });

  it("measures our schema in every scenario with sixteen clients, except the sweep, which has one", () => {
    for (const { name, clients, variants } of scenarios({
      strategies: 1,
      users: 1,
      keys: 1,
      coupons: 1,
    })) {
      expect(variants.map(({ side }) => side)).toContain("ours");
      expect(clients).toContain(name === "sweep with nothing due" ? 1 : 16);
    }
  });

  it("runs without the packages that it compares with, and names the command that installs them", () => {
    expect(loadPeers(tmpdir())).toBeNull();
    expect(peersMissing).toContain("npm ci --prefix bench");
  });

  it.each([["--rows", "many"], ["--rounds", "0"], ["--unknown"]])(
    "refuses %s %s",
    async (...args) => {
      const { code, output } = await runCommand(["bench", ...args.filter(Boolean)]);
      expect(output).toMatch(/^error: .+\nUsage: npm run bench/);
      expect(code).toBe(1);
    },
  );
});

describe("the benchmark's copy of the seed", () => {
  it("has the ten tables and the four policies that the seed has", async () => {
    const text = await readFile("bench/seed-schema.sql", "utf8");
    expect(text.match(/^CREATE TABLE /gm)?.length).toBe(10);
    expect(text.match(/^CREATE POLICY /gm)?.length).toBe(4);
    expect(text.match(/^CREATE INDEX /gm)?.length).toBe(6);
  });
});
