import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";
import type { Failure, Tally } from "./tally.ts";

/** The result of a file's tests, which the reporter writes as one line of JSON. */
export interface ModuleReport extends Tally {
  file: string;
}

/** Begins each line of the reporter, to tell them from other output of the tests. */
export const reportPrefix = "pinebase-report ";

/** Reports each file to `npm test` as soon as its tests have ended. Vitest loads it by its path. */
// biome-ignore lint/style/noDefaultExport: vitest loads a reporter as the default export
export default class implements Reporter {
  onTestModuleEnd(module: TestModule): void {
    report(moduleReport(module));
  }

  onTestRunEnd(_: unknown, errors: readonly SerializedError[]): void {
    if (errors.length === 0) return;
    const failures = errors.map((error) =>
      failure("vitest", "An error outside of every test", error),
    );
    report({ file: "vitest", passed: 0, failures });
  }
}

function moduleReport(module: TestModule): ModuleReport {
  const file = module.relativeModuleId;
  const failures = module.errors().map((error) => failure(file, "The file", error));
  for (const suite of module.children.allSuites()) {
    failures.push(...suite.errors().map((error) => failure(file, suite.fullName, error)));
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

/** The failure of an error that belongs to no single test. */
function failure(file: string, name: string, { stack, message }: SerializedError): Failure {
  return { file, name, details: [stack ?? message] };
}

interface Described {
  message: string;
  diff?: string;
  stack?: string;
  /** The original error, if a library has replaced it by one of its own. */
  cause?: Described;
}

function describe({ message, diff, stack, cause }: Described): string {
  const place = stack?.split("\n").find((line) => line.includes("supabase/tests/"));
  const parts = [message, diff, place?.trim(), cause && describe(cause)];
  return parts.filter((part) => part !== undefined).join("\n");
}

function report(result: ModuleReport): void {
  process.stdout.write(`${reportPrefix}${JSON.stringify(result)}\n`);
}
