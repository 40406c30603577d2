import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { completeLock, missingPackages, parseLock } from "../support/gates.ts";

describe.each(["package-lock.json", "bench/package-lock.json"])("%s", async (file) => {
  const committed = await readFile(file, "utf8");

  it("lists the builds of every package for all platforms, so that npm ci works on each", () => {
    expect(missingPackages(parseLock(committed)).map(({ path }) => path)).toEqual([]);
  });

  it("names no registry, so that npm ci uses the one that is configured on the machine", () => {
    // A workspace is a link to its folder.
    const resolved = Object.values(parseLock(committed).packages).filter(
      (entry) => entry.resolved && entry.link !== true,
    );
    expect(resolved).toEqual([]);
  });
});

describe("completing a lock file", () => {
  const lock = {
    lockfileVersion: 3,
    packages: {
      "": { name: "app" },
      "node_modules/tool": {
        version: "1.2.3",
        dev: true,
        optionalDependencies: {
          "@tool/cli-linux-x64": "1.2.3",
          "@tool/cli-linux-x64-musl": "1.2.3",
          "@tool/windows-arm64": "1.2.3",
        },
      },
      "node_modules/@tool/cli-linux-x64": { version: "1.2.3", optional: true, dev: true },
    },
  };

  it("adds missing builds with their platform, and does not change the others", () => {
    const completed = JSON.parse(completeLock(JSON.stringify(lock)));
    expect(completed).toEqual({
      ...lock,
      packages: {
        ...lock.packages,
        "node_modules/@tool/cli-linux-x64-musl": {
          version: "1.2.3",
          os: ["linux"],
          cpu: ["x64"],
          libc: ["musl"],
          dev: true,
          optional: true,
        },
        "node_modules/@tool/windows-arm64": {
          version: "1.2.3",
          os: ["win32"],
          cpu: ["arm64"],
          dev: true,
          optional: true,
        },
      },
    });
  });

  it("finds nothing to add the second time", () => {
    const completed = completeLock(JSON.stringify(lock));
    expect(missingPackages(parseLock(completed))).toEqual([]);
    expect(completeLock(completed)).toBe(completed);
  });

  it("marks a build without a C library in its name as glibc if there is one for musl", () => {
    const { "node_modules/@tool/cli-linux-x64": _, ...packages } = lock.packages;
    const completed = JSON.parse(completeLock(JSON.stringify({ ...lock, packages })));
    expect(completed.packages["node_modules/@tool/cli-linux-x64"].libc).toEqual(["glibc"]);
  });

  it("finds a package that is nested under the one that depends on it", () => {
    const packages = {
      "node_modules/tool": {
        version: "1.0.0",
        optionalDependencies: { "tool-linux-x64": "1.0.0" },
      },
      "node_modules/tool/node_modules/tool-linux-x64": { version: "1.0.0" },
    };
    expect(missingPackages({ packages })).toEqual([]);
  });

  it("refuses a build whose name contains no platform", () => {
    const packages = {
      "node_modules/tool": { version: "1.0.0", optionalDependencies: { speedup: "1.0.0" } },
    };
    expect(() => missingPackages({ packages })).toThrow("speedup");
  });
});
