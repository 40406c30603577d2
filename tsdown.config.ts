import { defineConfig } from "tsdown";

/**
 * The npm package: the modules for apps, as ESM and CommonJS with types for both, and the commands of `npx pinebase`, which
 * run on Node without the development dependencies of this repository.
 */
export default defineConfig([
  {
    entry: { index: "types/index.ts" },
    outDir: "dist",
    format: ["esm", "cjs"],
    platform: "neutral",
    target: "es2022",
    dts: true,
    clean: true,
    hash: false,
    logLevel: "warn",
  },
  {
    entry: { main: "scripts/package/main.ts" },
    outDir: "dist/cli",
    format: "esm",
    platform: "node",
    target: "node20.12",
    dts: false,
    clean: true,
    hash: false,
    fixedExtension: false,
    logLevel: "warn",
    // The commands read these files by their paths, next to the code.
    copy: [
      "scripts/local/platform.sql",
      "scripts/local/roles.sql",
      "scripts/local/default-privileges.sql",
      { from: "scripts/local/functions", to: "dist/cli" },
    ],
  },
]);
