import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { completeLock, missingPackages, parseLock } from "../support/gates.ts";

describe.each(["package-lock.json", "bench/package-lock.json"])("%s", async (file) => {
  const committed = await readFile(file, "utf8");

  it("lists every platform's build of every package, so that npm ci works everywhere", () => {
    expect(missingPackages(parseLock(committed)).map(({ path }) => path)).toEqual([]);
  });

  it("names no registry, so that npm ci asks the one that the machine is set to", () => {
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

  it("adds what is missing with its platform and leaves what is there as it is", () => {
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

  it("takes the build without a C library in its name for glibc when there is one for musl", () => {
    const { "node_modules/@tool/cli-linux-x64": _, ...packages } = lock.packages;
    const completed = JSON.parse(completeLock(JSON.stringify({ ...lock, packages })));
    expect(completed.packages["node_modules/@tool/cli-linux-x64"].libc).toEqual(["glibc"]);
  });

  it("finds a package that is nested under the one that asks for it", () => {
    const packages = {
      "node_modules/tool": {
        version: "1.0.0",
        optionalDependencies: { "tool-linux-x64": "1.0.0" },
      },
      "node_modules/tool/node_modules/tool-linux-x64": { version: "1.0.0" },
    };
    expect(missingPackages({ packages })).toEqual([]);
  });

  it("refuses to guess a platform from a name that tells none", () => {
    const packages = {
      "node_modules/tool": { version: "1.0.0", optionalDependencies: { speedup: "1.0.0" } },
    };
    expect(() => missingPackages({ packages })).toThrow("speedup");
  });
});
