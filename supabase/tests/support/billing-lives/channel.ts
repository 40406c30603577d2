import { day, hour, type Moment } from "../billing-reference/calendar.ts";
import { seededRandom } from "../random.ts";
import type { Channel } from "./life.ts";
import type { Hint } from "./provider.ts";

/** One delivery of an event. Between `readAt` and `appliedAt`, later reads may be applied. */
export interface Delivery {
  hint: Hint;
  readAt: Moment;
  appliedAt: Moment;
}

/** Much longer than a real read takes, so that later reads are often applied before. */
const slowest = 48 * hour;

/** The deliveries of an event: none, one or two, at once or late. They are the same for the same seed. */
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

/** Random numbers that depend on a seed and a text: xmur3, which is in the public domain, mixes them. */
function randomNumbers(seed: number, text: string): () => number {
  let state = seed | 0;
  for (const character of text) {
    state = Math.imul(state ^ character.charCodeAt(0), 3_432_918_353);
    state = (state << 13) | (state >>> 19);
  }
  return seededRandom(state);
}
