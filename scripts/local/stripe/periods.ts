import type { Recurring } from "./objects.ts";

/** Seconds of a day. */
export const day = 24 * 60 * 60;

/**
 * The end of a period. The day of the month is the anchor's, or the last day of a shorter month.
 *
 * @param anchor seconds since 1970 of the first period's start
 * @param recurring a month where a price has none
 * @see https://docs.stripe.com/billing/subscriptions/billing-cycle
 */
export function periodEnd(
  start: number,
  anchor: number,
  recurring: Recurring | null | undefined,
): number {
  const { interval, interval_count } = recurring ?? { interval: "month", interval_count: 1 };
  if (interval === "day") return start + interval_count * day;
  if (interval === "week") return start + interval_count * 7 * day;
  const months = interval_count * (interval === "month" ? 1 : 12);
  const from = new Date(start * 1000);
  const wanted = new Date(anchor * 1000).getUTCDate();
  const end = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1));
  const last = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate();
  end.setUTCDate(Math.min(wanted, last));
  const time = from.getTime() % (day * 1000);
  return Math.floor((end.getTime() + time) / 1000);
}
