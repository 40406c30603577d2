/**
 * Calls `send` again and again from a number of clients at once.
 *
 * @returns calls a second
 */
export async function rateOf(
  send: () => Promise<void>,
  clients: number,
  seconds: number,
): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1000;
  let done = 0;
  const client = async () => {
    while (performance.now() < end) {
      await send();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return done / ((performance.now() - start) / 1000);
}
