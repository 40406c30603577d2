import { day, hour, type Moment } from "../billing-reference/calendar.ts";
import type { Channel } from "./life.ts";
import type { Hint } from "./provider.ts";

/** One arrival of an event. Between `readAt` and `appliedAt` others may overtake it. */
export interface Delivery {
  hint: Hint;
  readAt: Moment;
  appliedAt: Moment;
}

/** Longer than any read takes, so that others overtake it often enough to show what that does. */
const slowest = 48 * hour;

/** When an event arrives: not at all, once or twice, at once or late. The same for the same seed. */
export function deliveriesOf(channel: Channel, hint: Hint): Delivery[] {
  const random = randomNumbers(channel.seed, hint.id);
  if (random() < channel.lost) {
    return [];
  }
  const count = random() < channel.doubled ? 2 : 1;
  return Array.from({ length: count }, () => {
    const readAt =
      hint.at + 1_000 * Math.floor(1 + random() * (30 + channel.lateDays * (day / 1_000)));
    const slow = random() < channel.slow ? 1_000 * Math.floor(random() * (slowest / 1_000)) : 0;
    return { hint, readAt, appliedAt: readAt + slow };
  });
}

/** Numbers in [0, 1): xmur3 seeds mulberry32, both in the public domain. */
function randomNumbers(seed: number, text: string): () => number {
  let state = seed | 0;
  for (const character of text) {
    state = Math.imul(state ^ character.charCodeAt(0), 3_432_918_353);
    state = (state << 13) | (state >>> 19);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
