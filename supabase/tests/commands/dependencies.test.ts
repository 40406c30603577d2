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
  it("are all explained in CONTRIBUTING.md, and no other package is", async () => {
    const text = await readFile("CONTRIBUTING.md", "utf8");
    const section = text.slice(text.indexOf("## Dependencies"));
    const explained = [...section.matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name);
    expect(explained).toEqual(Object.keys(dependencies).sort());
  });

  it("are pinned to exact versions", () => {
    const loose = Object.entries(manifest.devDependencies).filter(
      ([, range]) => !/^\d+\.\d+\.\d+/.test(range),
    );
    expect(loose).toEqual([]);
  });

  it("install nothing but zod into an app, in a version that the app may choose", () => {
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
