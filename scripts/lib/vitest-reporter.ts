import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";
import type { Failure, Tally } from "./tally.ts";

/** What the reporter writes, one JSON text a line, when the tests of a file have ended. */
export interface ModuleReport extends Tally {
  file: string;
}

/** The mark of our lines: whatever else is written to standard output does not have it. */
export const reportMark = "pinebase-report ";

/** Tells `npm test` what came of each file as soon as it has ended. Loaded by vitest by its path. */
// biome-ignore lint/style/noDefaultExport: vitest takes a reporter from a file by nothing else
export default class implements Reporter {
  onTestModuleEnd(module: TestModule): void {
    report(moduleReport(module));
  }

  onTestRunEnd(_: unknown, errors: readonly SerializedError[]): void {
    if (errors.length > 0) {
      const failures = errors.map((error) => ({
        file: "vitest",
        name: "An error outside of every test",
        details: [error.stack ?? error.message],
      }));
      report({ file: "vitest", passed: 0, failures });
    }
  }
}

function moduleReport(module: TestModule): ModuleReport {
  const file = module.relativeModuleId;
  const failures: Failure[] = module
    .errors()
    .map((error) => ({ file, name: "The file", details: [error.stack ?? error.message] }));
  for (const suite of module.children.allSuites()) {
    for (const error of suite.errors()) {
      failures.push({ file, name: suite.fullName, details: [error.stack ?? error.message] });
    }
  }
  let passed = 0;
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result();
    if (state === "passed") {
      passed += 1;
    } else if (state === "failed") {
      failures.push({ file, name: test.fullName, details: errors.map(describe) });
    }
  }
  return { file, passed, failures };
}

interface Described {
  message: string;
  diff?: string;
  stack?: string;
  /** What a library that reports a failure in words of its own was told. */
  cause?: Described;
}

function describe({ message, diff, stack, cause }: Described): string {
  const place = stack?.split("\n").find((line) => line.includes("supabase/tests/"));
  const parts = [message, diff, place?.trim(), cause && describe(cause)];
  return parts.filter((part) => part !== undefined).join("\n");
}

function report(result: ModuleReport): void {
  process.stdout.write(`${reportMark}${JSON.stringify(result)}\n`);
}
