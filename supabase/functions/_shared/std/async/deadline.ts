/**
 * Resolves or rejects as the promise does, or rejects with a `TimeoutError` after a time. The work behind the promise
 * continues, and its later result is ignored.
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
