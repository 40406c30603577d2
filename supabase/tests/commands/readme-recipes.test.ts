import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { projectDir } from "../support/programs.ts";

/** The README's recipes compile unchanged with the package's types. */

const folder = join(projectDir, `.readme-recipes-${process.pid}`);

/** What the recipes expect of an app: its clients, functions and libraries. */
const surroundings = `
declare const supabase: import("@supabase/supabase-js").SupabaseClient<import("pinebase").Database>;
declare const asUser: typeof supabase;
declare const service: import("@supabase/supabase-js").SupabaseClient<import("pinebase").ServiceDatabase>;
declare const id: string;
declare const userId: string;
declare const user_id: string;
declare const userPrompt: string;
declare const typedByTheUser: string;
declare function refresh(): void;
declare function showCredits(credits: number): void;
declare function generate(userPrompt: string): Promise<{
  name: string;
  config: import("pinebase").JsonObject;
  components: import("pinebase").StrategyComponentInput[];
}>;
declare module "next/headers" {
  interface Store {
    getAll(): { name: string; value: string }[];
    set(name: string, value: string, options: object): void;
  }
  export function cookies(): Promise<Store>;
}
declare module "@supabase/ssr" {
  interface Cookie {
    name: string;
    value: string;
  }
  interface Methods {
    getAll(): Cookie[];
    setAll(all: (Cookie & { options: object })[]): void;
  }
  export function createServerClient<D>(
    url: string,
    key: string,
    options: { cookies: Methods },
  ): import("@supabase/supabase-js").SupabaseClient<D>;
}
declare module "fast-json-patch" {
  export function compare(older: object, newer: object): object[];
}
`;

let recipes: string[];

beforeAll(async () => {
  const readme = await readFile(join(projectDir, "README.md"), "utf8");
  recipes = [...readme.matchAll(/```ts\n([\s\S]+?)```/g)].map(([, code]) => code ?? "");
  await mkdir(folder);
  await writeFile(join(folder, "surroundings.d.ts"), surroundings);
  for (const [index, code] of recipes.entries()) {
    await writeFile(join(folder, `recipe-${index}.ts`), `${code}\nexport {};\n`);
  }
  const tsconfig = {
    extends: "../tsconfig.json",
    compilerOptions: {
      noUnusedLocals: false,
      paths: { pinebase: ["../types/index.ts"] },
    },
    include: ["*.ts"],
    exclude: [],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it("every recipe of the README compiles", async () => {
  expect(recipes.length).toBeGreaterThan(5);
  const tsc = join(projectDir, "node_modules", "typescript", "bin", "tsc");
  const output = await promisify(execFile)(process.execPath, [tsc, "-p", folder]).then(
    () => "",
    (error: { stdout: string }) => error.stdout,
  );
  expect(output).toBe("");
});
