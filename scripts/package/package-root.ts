import { findUpwards } from "../lib/find-upwards.ts";

/** The folder of this package, both for the sources and for the build in dist. */
export const packageRoot = findUpwards(import.meta.dirname, "package.json") ?? import.meta.dirname;
