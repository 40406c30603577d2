import { AsyncLocalStorage } from "node:async_hooks";
import { format } from "node:util";

type Log = (line: string) => void;

const current = new AsyncLocalStorage<Log>();
let patched = false;

/**
 * Runs something that writes to the console on its own account, and sends what it writes to `log`.
 * @supabase/lite prints every refused statement with its stack; a refusal is an answer, not news.
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
