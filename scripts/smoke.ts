import { z } from "zod";
import { readArguments, usageError } from "./lib/arguments.ts";
import { parseJson } from "./lib/parse-json.ts";
import { UserError } from "./lib/user-error.ts";
import { loadConfig } from "./local/config.ts";
import { type Check, checksOf, notConfigured, type Target } from "./smoke/checks.ts";

/**
 * `npm run smoke`: sends a visitor's requests to a deployed project, and reports whether those that should be answered are
 * answered and the others refused. It writes nothing. `--without` leaves out a function that the project does not have; it
 * may be repeated.
 */
export async function run(args: string[]): Promise<number> {
  const target = await parse(args);
  const count = { ok: 0, skipped: 0, failed: 0 };
  for (const { check, finding } of await runAll(checksOf(target))) {
    const outcome = finding === null ? "ok" : finding === notConfigured ? "skipped" : "failed";
    count[outcome] += 1;
    console.log(`${(outcome === "failed" ? "FAILED" : outcome).padEnd(8)}${check.name}`);
    if (outcome === "skipped") console.log("        It is not configured in this project.");
    if (typeof finding === "string") console.log(`        ${finding}`);
  }
  console.log(`\n${count.ok} ok, ${count.skipped} skipped, ${count.failed} failed`);
  return count.failed === 0 ? 0 : 1;
}

/** Runs the checks, six at a time, so that they are no load for the project. */
async function runAll(checks: readonly Check[]) {
  const results: { check: Check; finding: Awaited<ReturnType<Check["run"]>> }[] = [];
  for (let start = 0; start < checks.length; start += 6) {
    const batch = checks.slice(start, start + 6);
    const findings = batch.map(async (check) => ({ check, finding: await check.run() }));
    results.push(...(await Promise.all(findings)));
  }
  return results;
}

async function parse(args: string[]): Promise<Target> {
  const { values } = readArguments("smoke", {
    args,
    options: {
      url: { type: "string" },
      key: { type: "string" },
      without: { type: "string", multiple: true, default: [] },
    },
  });
  const { url, key, without } = values;
  if (url === undefined || !/^https?:\/\/[^/]+\/?$/.test(url)) {
    throw usageError("smoke", "The project's URL is missing or not valid.");
  }
  if (key === undefined || key === "") {
    throw usageError("smoke", "The project's publishable key is missing.");
  }
  if (key.startsWith("sb_secret_") || roleOf(key) === "service_role") {
    throw new UserError(
      "This is the secret key, which may do everything. The checks need a key that may not.",
      "Use the publishable key, or the anon key of an older project.",
    );
  }
  const { functions } = await loadConfig();
  const unknown = without.find((name) => !(name in functions));
  if (unknown !== undefined) {
    throw usageError("smoke", `There is no function "${unknown}" in supabase/config.toml.`);
  }
  const checked = Object.entries(functions).filter(
    ([name, { enabled }]) => enabled && !without.includes(name),
  );
  return { url: url.replace(/\/$/, ""), key, functions: Object.fromEntries(checked) };
}

/** The role of an older key, which is a token. */
function roleOf(key: string): string | null {
  const claims = Buffer.from(key.split(".")[1] ?? "", "base64url").toString();
  return parseJson(claims, z.object({ role: z.string() }))?.role ?? null;
}
