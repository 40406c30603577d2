/**
 * Gives what a piece of work gives, or rejects with a `TimeoutError` once the time is over. The work itself goes on; what
 * becomes of it then is not reported.
 *
 * @param ms milliseconds
 */
export async function deadline<T>(p: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("Signal timed out.", "TimeoutError")), ms);
  });
  try {
    return await Promise.race([p, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
