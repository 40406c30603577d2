/** What a piece of work gives that was not done in time. */
export const late = Symbol("late");

/**
 * Waits for a piece of work, but not longer than this. The work goes on; what becomes of it then is of no
 * interest to anybody, an error included.
 */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | typeof late> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), milliseconds);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
