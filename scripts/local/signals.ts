/** Milliseconds in which a second signal is the same Ctrl-C: the terminal sends it to us, and npm passes it on. */
const sameSignal = 500;

/**
 * Returns a signal that is aborted at Ctrl-C, at SIGTERM, when the terminal closes, and when the npm that runs this
 * process is gone. (npm then signals only the shell between us, which does not pass it on.) A second Ctrl-C ends this
 * process and its children at once.
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
