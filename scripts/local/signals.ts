/** npm passes a signal on that the terminal sent to all: what comes this soon is the same Ctrl-C. */
const sameSignal = 500;

/**
 * The wish to stop: aborted at Ctrl-C, SIGTERM or when the terminal closes, and when npm, which we run
 * under, is gone without a word (it signals the shell between us, and that tells nobody). A second
 * Ctrl-C ends this process at once, and its children with it.
 */
export function watchSignals(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const stop = () => {
    if (!first) {
      first = Date.now();
      controller.abort();
    } else if (Date.now() - first > sameSignal) {
      process.exit(130);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      if (!first) stop();
    }, 250);
    timer.unref();
  }
  return controller.signal;
}

/** Settles when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
