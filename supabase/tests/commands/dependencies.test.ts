import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseLock } from "../support/gates.ts";

const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()),
  peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.literal(true) })),
  allowScripts: z.record(z.string(), z.boolean()),
});

const manifest = manifestSchema.parse(JSON.parse(await readFile("package.json", "utf8")));
const dependencies = { ...manifest.dependencies, ...manifest.devDependencies };

describe("the dependencies", () => {
  it("each have their reason in CONTRIBUTING.md, and no other package has one", async () => {
    const text = await readFile("CONTRIBUTING.md", "utf8");
    const section = text.slice(text.indexOf("## Dependencies"));
    const explained = [...section.matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name);
    expect(explained).toEqual(Object.keys(dependencies).sort());
  });

  it("are pinned to one version", () => {
    const loose = Object.entries(manifest.devDependencies).filter(
      ([, range]) => !/^\d+\.\d+\.\d+/.test(range),
    );
    expect(loose).toEqual([]);
  });

  it("leave an app that installs the package nothing but zod, in a version that it may choose", () => {
    expect(Object.keys(manifest.dependencies)).toEqual(["zod"]);
    expect(manifest.dependencies.zod).toMatch(/^\^4\./);
    expect(Object.keys(manifest.peerDependenciesMeta)).toEqual(
      Object.keys(manifest.peerDependencies),
    );
  });
});

describe("the packages with an install script", () => {
  it("are all named in allowScripts, so that a strict npm installs without asking", async () => {
    const lock = parseLock(await readFile("package-lock.json", "utf8"));
    const withScript = Object.entries(lock.packages)
      .filter(([, entry]) => entry.hasInstallScript === true)
      .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
    expect(withScript.length).toBeGreaterThan(0);
    expect(withScript.filter((name) => !(name in manifest.allowScripts))).toEqual([]);
  });
});
