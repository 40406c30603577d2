import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { projectDir } from "../support/programs.ts";

/** Rules for the folder of every edge function, so that it can be deployed unchanged. */

const folder = join(projectDir, "supabase", "functions");
const names = (await readdir(folder, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && entry.name !== "_shared")
  .map(({ name }) => name);

const read = (...path: string[]) => readFile(join(projectDir, ...path), "utf8");
const denoSchema = z.strictObject({ imports: z.record(z.string(), z.string()) });
// A workspace of this repository has no version.
const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional() })),
});
const configSchema = z.object({
  functions: z.record(z.string(), z.object({ verify_jwt: z.boolean() })),
});

describe.each(names)("the function %s", (name) => {
  it("has an index, a handler and a deno.json", async () => {
    expect((await readdir(join(folder, name))).sort()).toEqual(
      expect.arrayContaining(["deno.json", "handler.ts", "index.ts"]),
    );
  });

  it("imports npm packages in the versions of the lock file", async () => {
    const { imports } = denoSchema.parse(
      JSON.parse(await read("supabase/functions", name, "deno.json")),
    );
    const { packages } = lockSchema.parse(JSON.parse(await read("package-lock.json")));
    for (const [specifier, target] of Object.entries(imports)) {
      const version = packages[`node_modules/${specifier}`]?.version;
      expect(version).toBeDefined();
      expect(target).toBe(`npm:${specifier}@${version}`);
    }
  });

  it("has an entry in config.toml, which sets whether Supabase checks the token", async () => {
    const { functions } = configSchema.parse(parse(await read("supabase/config.toml")));
    expect(Object.keys(functions)).toContain(name);
  });

  it("imports nothing from outside supabase/functions", async () => {
    for (const part of [name, "_shared"]) {
      for (const file of await readdir(join(folder, part), { recursive: true })) {
        if (!file.endsWith(".ts")) continue;
        const text = await read("supabase/functions", part, file);
        for (const [, from = ""] of text.matchAll(/from "([^"]+)"/g)) {
          expect(from, `${part}/${file}`).not.toMatch(/^(\.\.\/\.\.|npm:|jsr:|https?:)/);
        }
      }
    }
  });
});
