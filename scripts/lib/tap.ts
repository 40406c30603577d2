import { stripVTControlCharacters } from "node:util";
import { Parser, type Result } from "tap-parser";
import type { Failure, Tally } from "./tally.ts";

/** Reads what a test program prints in the Test Anything Protocol, line by line. */
export interface TapReader {
  /** Takes one or more whole lines. */
  add(text: string): void;
  /** Counts a failure that the program did not print, and names the test before it. */
  fail(message: string): void;
  /** What came of it; a plan that was not kept is a failure too. */
  end(): Tally;
}

/** @param file where the tests stand, for the failures */
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
  // What pgTAP says about a failure follows it as comments.
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
      // The parser holds a test back until it has seen what follows it.
      parser.end();
      const planned = parser.planEnd - parser.planStart + 1;
      if (others.length === 0 && parser.count === 0) {
        others.push("the file ran no test");
      } else if (others.length === 0 && parser.planStart === -1) {
        others.push("the tests ended without a plan");
      } else if (others.length === 0 && planned !== parser.count) {
        others.push(`${planned} tests were planned and ${parser.count} ran`);
      }
      const after = last === undefined ? "" : ` (after test ${last.id} ${last.name})`;
      failures.push(
        ...others.map((message) => ({ file, name: `${message}${after}`, details: [] })),
      );
      return { passed, failures };
    },
  };
}

function diagnosis({ diag }: Result): string[] {
  const message: unknown = diag?.message;
  return typeof message === "string" ? stripVTControlCharacters(message).split("\n") : [];
}
