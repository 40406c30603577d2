import { fileURLToPath } from "node:url";
import { z } from "zod";
import { packageFile, runNodeProgram } from "./child.ts";
import { runDenoModules } from "./deno.ts";
import { findFiles } from "./find-files.ts";
import { databaseSteps, sourceSteps } from "./lint-steps.ts";
import { runPgtapFile } from "./pgtap.ts";
import type { Tally } from "./tally.ts";
import { createTapReader } from "./tap.ts";
import { reportMark } from "./vitest-reporter.ts";

/** What the layers need to know of the stack under test. */
export interface TestContext {
  /** The database whose new objects were granted to the API roles, as the role postgres. */
  grantedUrl: string;
  /** The one whose new objects were granted to nobody. */
  revokedUrl: string;
  signal: AbortSignal;
  /** Told what came of each file, or of each linter. */
  onResult(name: string, tally: Tally): void;
}

/** One kind of test. */
export interface TestLayer {
  name: string;
  /** The files, or the linters, whose name contains one of the filters; all where there are none. */
  find(filters: readonly string[]): Promise<string[]>;
  run(names: readonly string[], context: TestContext): Promise<void>;
}

/** From the fastest answer to the slowest. */
export const testLayers: readonly TestLayer[] = [
  {
    name: "Linters",
    find: async (filters) =>
      [...sourceSteps, ...databaseSteps("")]
        .map(({ name }) => name)
        .filter((name) => matches(`lint ${name}`, filters)),
    run: async (names, context) => {
      const steps = [...sourceSteps, ...databaseSteps(context.grantedUrl)];
      const chosen = steps.filter((step) => names.includes(step.name));
      await inLanes(chosen, context.signal, async ({ name, run }) => {
        const findings = await run(context.signal);
        const details = findings.split("\n");
        const failures = findings === "" ? [] : [{ file: "npm run lint", name, details }];
        context.onResult(name, { passed: 1 - failures.length, failures });
      });
    },
  },
  {
    name: "Database (pgTAP)",
    find: (filters) => filesOf("supabase/tests/database", ".test.sql", filters),
    run: async (files, context) => {
      const databases = [
        { mode: "granted", url: context.grantedUrl },
        { mode: "revoked", url: context.revokedUrl },
      ];
      await inLanes(databases, context.signal, async ({ mode, url }) => {
        for (const file of files) {
          await runPgtap(`${file} (${mode})`, url, file, context);
        }
      });
    },
  },
  {
    name: "Edge functions (Deno)",
    find: (filters) => filesOf("supabase/tests/functions", ".test.ts", filters),
    run: async (files, context) => {
      await inLanes(files, context.signal, async (file) => {
        context.onResult(file, await runDenoFile(file, context.signal));
      });
    },
  },
  {
    name: "API and commands (vitest)",
    find: async (filters) => [
      ...(await filesOf("supabase/tests/api", ".test.ts", filters)),
      ...(await filesOf("supabase/tests/commands", ".test.ts", filters)),
    ],
    run: runVitest,
  },
  {
    name: "Browser (vitest, Chromium)",
    find: (filters) => filesOf("supabase/tests/browser", ".test.ts", filters),
    run: runVitest,
  },
];

/** Two at a time: what runs here is a program of one thread, and the smallest machines have two cores. */
async function inLanes<T>(
  all: readonly T[],
  signal: AbortSignal,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const waiting = all.values();
  const lane = async () => {
    for (const one of waiting) {
      signal.throwIfAborted();
      await work(one);
    }
  };
  await Promise.all([lane(), lane()]);
}

async function filesOf(
  directory: string,
  ending: string,
  filters: readonly string[],
): Promise<string[]> {
  return (await findFiles(directory, ending)).filter((file) => matches(file, filters));
}

function matches(name: string, filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some((filter) => name.includes(filter));
}

async function runPgtap(name: string, url: string, file: string, context: TestContext) {
  context.signal.throwIfAborted();
  const { passed, failures } = await runPgtapFile(url, file);
  context.onResult(name, {
    passed,
    failures: failures.map((failure) => ({ ...failure, file: name })),
  });
}

async function runDenoFile(file: string, signal: AbortSignal): Promise<Tally> {
  const { stdout, code } = await runDenoTest(file, "tap", signal);
  const tap = createTapReader(file);
  tap.add(stdout);
  const tally = tap.end();
  if (code === 0 || tally.failures.some(({ details }) => details.length > 0)) {
    return tally;
  }
  // An error outside of every test, as in loading the file, is told by the other reporter alone.
  const { output } = await runDenoTest(file, "pretty", signal);
  return { ...tally, failures: [{ file, name: "The file", details: output.trim().split("\n") }] };
}

function runDenoTest(file: string, reporter: "tap" | "pretty", signal: AbortSignal) {
  // The types are the linters' business.
  const options = ["--no-check", "--no-prompt", "--allow-env", "--allow-read"];
  return runDenoModules("test", [...options, `--reporter=${reporter}`, file], { signal });
}

const reportSchema = z.object({
  file: z.string(),
  passed: z.number(),
  failures: z.array(z.object({ file: z.string(), name: z.string(), details: z.array(z.string()) })),
});

async function runVitest(files: readonly string[], context: TestContext): Promise<void> {
  const reporter = fileURLToPath(new URL("./vitest-reporter.ts", import.meta.url));
  let failed = false;
  const { output, code } = await runNodeProgram(
    packageFile("vitest", "vitest.mjs"),
    ["run", `--reporter=${reporter}`, "--silent=true", ...files],
    {
      signal: context.signal,
      onLine(line) {
        const start = line.indexOf(reportMark);
        if (start !== -1) {
          const { file, ...tally } = reportSchema.parse(
            JSON.parse(line.slice(start + reportMark.length)),
          );
          failed ||= tally.failures.length > 0;
          context.onResult(file, tally);
        }
      },
    },
  );
  if (code !== 0 && !failed) {
    const details = output.split("\n").filter((line) => !line.includes(reportMark));
    context.onResult("vitest", {
      passed: 0,
      failures: [{ file: "vitest", name: `ended with code ${code}`, details }],
    });
  }
}
