import { fileURLToPath } from "node:url";
import { z } from "zod";
import { packageFile, runNodeProgram } from "./child.ts";
import { runDenoModules } from "./deno.ts";
import { findFiles } from "./find-files.ts";
import { databaseSteps, sourceSteps } from "./lint-steps.ts";
import { runPgtapFile } from "./pgtap.ts";
import type { Tally } from "./tally.ts";
import { createTapReader } from "./tap.ts";
import { reportPrefix } from "./vitest-reporter.ts";

/** The stack under test, and the receiver of the results. */
export interface TestContext {
  /** URL, as the role postgres, of the database in which new objects are granted to the API roles. */
  grantedUrl: string;
  /** URL, as the role postgres, of the database in which new objects are granted to no role. */
  revokedUrl: string;
  signal: AbortSignal;
  /** Receives the result of each file, or of each linter. */
  onResult(name: string, tally: Tally): void;
}

/** One kind of test. */
export interface TestLayer {
  name: string;
  /** The files, or the linters, whose name contains one of the filters; without filters all. */
  find(filters: readonly string[]): Promise<string[]>;
  run(names: readonly string[], context: TestContext): Promise<void>;
}

/** The layers that give the fastest result come first. */
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
      await twoAtATime(chosen, context.signal, async ({ name, run }) => {
        const findings = await run(context.signal);
        const details = findings.split("\n");
        const failures = findings === "" ? [] : [{ file: "npm run lint", name, details }];
        context.onResult(name, { passed: 1 - failures.length, failures });
      });
    },
  },
  fileLayer("Database (pgTAP)", ["database"], ".test.sql", async (files, context) => {
    const databases = [
      { mode: "granted", url: context.grantedUrl },
      { mode: "revoked", url: context.revokedUrl },
    ];
    await twoAtATime(databases, context.signal, async ({ mode, url }) => {
      for (const path of files) {
        context.signal.throwIfAborted();
        const file = `${path} (${mode})`;
        const { passed, failures } = await runPgtapFile(url, path);
        context.onResult(file, { passed, failures: failures.map((one) => ({ ...one, file })) });
      }
    });
  }),
  fileLayer("Edge functions (Deno)", ["functions"], ".test.ts", (files, context) =>
    twoAtATime(files, context.signal, async (file) =>
      context.onResult(file, await runDenoFile(file, context.signal)),
    ),
  ),
  fileLayer("API and commands (vitest)", ["api", "commands"], ".test.ts", runVitest),
  fileLayer("Browser (vitest, Chromium)", ["browser"], ".test.ts", runVitest),
];

/** The layer of the test files in some folders of supabase/tests. */
function fileLayer(
  name: string,
  folders: readonly string[],
  ending: string,
  run: TestLayer["run"],
): TestLayer {
  const find: TestLayer["find"] = async (filters) => {
    const found = folders.map((folder) => findFiles(`supabase/tests/${folder}`, ending));
    return (await Promise.all(found)).flat().filter((file) => matches(file, filters));
  };
  return { name, find, run };
}

/** Runs two at a time: each is a program with one thread, and the smallest machines have two cores. */
async function twoAtATime<T>(
  all: readonly T[],
  signal: AbortSignal,
  run: (one: T) => Promise<void>,
): Promise<void> {
  const waiting = all.values();
  const runNext = async () => {
    for (const one of waiting) {
      signal.throwIfAborted();
      await run(one);
    }
  };
  await Promise.all([runNext(), runNext()]);
}

function matches(name: string, filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some((filter) => name.includes(filter));
}

async function runDenoFile(file: string, signal: AbortSignal): Promise<Tally> {
  const { stdout, code } = await runDenoTest(file, "tap", signal);
  const tap = createTapReader(file);
  tap.add(stdout);
  const tally = tap.end();
  if (code === 0 || tally.failures.some(({ details }) => details.length > 0)) {
    return tally;
  }
  // Only the other reporter prints an error outside of every test, such as one in loading the file.
  const { output } = await runDenoTest(file, "pretty", signal);
  return { ...tally, failures: [{ file, name: "The file", details: output.trim().split("\n") }] };
}

function runDenoTest(file: string, reporter: "tap" | "pretty", signal: AbortSignal) {
  // The linters check the types.
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
        const start = line.indexOf(reportPrefix);
        if (start !== -1) {
          const { file, ...tally } = reportSchema.parse(
            JSON.parse(line.slice(start + reportPrefix.length)),
          );
          failed ||= tally.failures.length > 0;
          context.onResult(file, tally);
        }
      },
    },
  );
  if (code !== 0 && !failed) {
    const details = output.split("\n").filter((line) => !line.includes(reportPrefix));
    context.onResult("vitest", {
      passed: 0,
      failures: [{ file: "vitest", name: `ended with code ${code}`, details }],
    });
  }
}
