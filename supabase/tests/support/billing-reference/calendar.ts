/** A moment, in milliseconds since 1970 in UTC. */
export type Moment = number;

const second = 1_000;
export const hour = 3_600 * second;
export const day = 24 * hour;

/**
 * The same day and time of day `count` months later in UTC. Where that month has no such day, its last day is taken: one
 * month after 31 January is 28 or 29 February.
 */
export function addMonths(start: Moment, count: number): Moment {
  const from = new Date(start);
  const month = from.getUTCMonth() + count;
  const lastDay = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const timeOfDay = start - Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate());
  const date = Math.min(from.getUTCDate(), lastDay);
  return Date.UTC(from.getUTCFullYear(), month, date) + timeOfDay;
}
