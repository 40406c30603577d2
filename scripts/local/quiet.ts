import { AsyncLocalStorage } from "node:async_hooks";
import { format } from "node:util";

type Log = (line: string) => void;

const current = new AsyncLocalStorage<Log>();
let patched = false;

/**
 * Runs `work` with its console output sent to `log`. @supabase/lite prints every statement that Postgres refuses, with a
 * stack trace, although a refusal is an ordinary answer.
 */
export function withLog<T>(log: Log, work: () => T): T {
  patchConsole();
  return current.run(log, work);
}

function patchConsole(): void {
  if (patched) return;
  patched = true;
  for (const method of ["log", "info", "warn", "error"] as const) {
    const original = console[method];
    console[method] = (...args: unknown[]) => {
      const log = current.getStore();
      if (log) log(format(...args));
      else original(...args);
    };
  }
}
