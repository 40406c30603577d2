import { readFile } from "node:fs/promises";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { findFiles } from "../support/programs.ts";

/** Variables that the machine, npm, hosted Supabase or a command sets, so that nobody writes them into a file. */
const givenByOthers =
  /^(SUPABASE_(URL|ANON_KEY|SERVICE_ROLE_KEY|PUBLISHABLE_KEYS|SECRET_KEYS)|INIT_CWD|TSX_DISABLE_CACHE|XDG_.*|PINEBASE_(STATUS|PROJECT_DIR))$/;

async function read(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
}

function namesIn(text: string, ...patterns: RegExp[]): string[] {
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(([, name = ""]) => name),
  );
}

/** The variables that the functions, the commands, the settings and the deployment read. */
async function namesRead(): Promise<Set<string>> {
  const functions = await read(await findFiles("supabase/functions", ".ts"));
  const commands = await read(
    (await findFiles("scripts", ".ts")).filter(
      (file) => !file.startsWith("scripts/local/functions"),
    ),
  );
  const settings = await read(["supabase/config.toml"]);
  const deployment = await read([".github/workflows/deploy.yml"]);
  return new Set(
    [
      // A function reads its variables by a schema of zod.
      ...namesIn(functions, /\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+): z\s*\./g),
      ...namesIn(functions, /\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+): \w+Schema\b/g),
      ...namesIn(commands, /\b(?:env|environment)\.([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g),
      ...namesIn(settings, /"env\((\w+)\)"/g),
      ...namesIn(deployment, /\b(?:secrets|vars)\.(\w+)/g),
    ].filter((name) => !givenByOthers.test(name)),
  );
}

describe(".env.example", () => {
  it("names exactly the variables that are read", async () => {
    const text = await readFile(".env.example", "utf8");
    const named = namesIn(text, /^(?:# )?([A-Z][A-Z0-9_]+)=/gm);
    expect(named.toSorted()).toEqual([...(await namesRead())].toSorted());
  });

  it("holds no value of a secret", async () => {
    const text = await readFile(".env.example", "utf8");
    const values = [
      ...text.matchAll(/^(?:# )?([A-Z_]*(?:SECRET|KEY|TOKEN|PASS|DB_URL)[A-Z_]*)=(.*)$/gm),
    ];
    expect(values.length).toBeGreaterThan(0);
    expect(values.filter(([, , value]) => value !== "")).toEqual([]);
  });
});

const remotesSchema = z.object({
  remotes: z.record(
    z.string(),
    z.object({
      project_id: z.string().regex(/^[a-z]{20}$/),
      db: z.object({ seed: z.object({ enabled: z.boolean() }) }),
    }),
  ),
});

describe("the settings of hosted projects", () => {
  it("exist for staging and production, and load no demo data", async () => {
    const { remotes } = remotesSchema.parse(parse(await readFile("supabase/config.toml", "utf8")));
    expect(Object.keys(remotes)).toEqual(["staging", "production"]);
    expect(Object.values(remotes).map(({ db }) => db.seed.enabled)).toEqual([false, false]);
  });

  it("take every secret from the environment", async () => {
    const text = await readFile("supabase/config.toml", "utf8");
    const secrets = namesIn(text, /^(?:\w+_)?(?:pass|secret|api_key|auth_token) = (.+)$/gm);
    const written = secrets.filter((value) => !/^"env\(\w+\)"$/.test(value));
    expect(secrets.length).toBeGreaterThan(0);
    expect(written).toEqual([]);
  });
});

describe("the deployment", () => {
  it("makes a dry run, pushes, deploys and tests, in this order", async () => {
    const text = await readFile(".github/workflows/deploy.yml", "utf8");
    const steps = [
      'npm run db:push -- --remote="$SUPABASE_DB_URL" --dry-run',
      "--yes",
      "supabase functions deploy",
      "npm run smoke",
    ];
    const places = steps.map((step) => text.indexOf(step));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(text).not.toContain("--include-seed");
  });

  it("goes to production only by a tag, in the environment that requires approval", async () => {
    const text = await readFile(".github/workflows/deploy.yml", "utf8");
    const choice = String.raw`github\.ref_type == 'tag' && 'production' \|\| 'staging'`;
    expect(text).toMatch(new RegExp(`^ {4}environment: .*${choice}`, "m"));
  });
});
