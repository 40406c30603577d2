import { stripVTControlCharacters } from "node:util";
import { Parser, type Result } from "tap-parser";
import type { Failure, Tally } from "./tally.ts";

/** Reads the output of a test program in the Test Anything Protocol (https://testanything.org). */
export interface TapReader {
  /** Takes one or more whole lines. */
  add(text: string): void;
  /** Adds a failure that the program did not print. It is reported with the test before it. */
  fail(message: string): void;
  /** The result. A number of tests that differs from the plan is a failure too. */
  end(): Tally;
}

/** @param file the file of the tests, for the failures */
export function createTapReader(file: string): TapReader {
  const parser = new Parser();
  const failures: Failure[] = [];
  let passed = 0;
  let last: Result | undefined;
  let current: Failure | undefined;
  const others: string[] = [];

  parser.on("assert", (result: Result) => {
    last = result;
    current = undefined;
    if (result.ok || result.todo) {
      passed += result.skip ? 0 : 1;
      return;
    }
    current = { file, name: `${result.id} ${result.name}`, details: diagnosis(result) };
    failures.push(current);
  });
  // pgTAP explains a failure in the comments after it.
  parser.on("comment", (comment: string) => {
    const line = comment.replace(/^#\s?/, "").trimEnd();
    if (current !== undefined && !/^\s*(?:Failed test \d+|Looks like you )/.test(line)) {
      current.details.push(line);
    }
  });
  parser.on("bailout", (reason: string) => others.push(`bailed out: ${reason}`));

  return {
    add: (text) => void parser.write(`${text}\n`),
    fail: (message) => void others.push(message),
    end() {
      // The parser reports the last test only when the output has ended.
      parser.end();
      const broken = others.length === 0 ? brokenPlan(parser) : null;
      if (broken !== null) others.push(broken);
      const after = last === undefined ? "" : ` (after test ${last.id} ${last.name})`;
      failures.push(
        ...others.map((message) => ({ file, name: `${message}${after}`, details: [] })),
      );
      return { passed, failures };
    },
  };
}

function brokenPlan({ count, planStart, planEnd }: Parser): string | null {
  if (count === 0) return "the file ran no test";
  if (planStart === -1) return "the tests ended without a plan";
  const planned = planEnd - planStart + 1;
  return planned === count ? null : `${planned} tests were planned and ${count} ran`;
}

function diagnosis({ diag }: Result): string[] {
  const message: unknown = diag?.message;
  return typeof message === "string" ? stripVTControlCharacters(message).split("\n") : [];
}
