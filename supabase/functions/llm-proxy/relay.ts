import { concat } from "../_shared/std/bytes/concat.ts";

/** How a relayed body ended. */
export type Ending =
  /** The provider sent everything, or the client disconnected after it had received a part. */
  | "delivered"
  /** The client disconnected before it received anything. */
  | "left"
  /** The provider's connection broke. */
  | "broken";

const removed = new TextEncoder().encode("[key removed]");

/**
 * Forwards a body part by part, each when the client requests it, so that a slow client slows the provider down and no
 * data accumulates here. A key that the provider quotes is replaced, also where it is split over two parts: an end of a
 * part that may be the beginning of the key is held until the next part.
 *
 * @param gone aborted when the client has disconnected; what is forwarded afterwards does not count as delivered
 * @param ended called once
 */
export function relay(
  body: ReadableStream<Uint8Array>,
  key: string,
  gone: AbortSignal,
  ended: (ending: Ending) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const secret = new TextEncoder().encode(key);
  let held: Uint8Array = new Uint8Array(0);
  let delivered = false;
  // Cancelling also ends the pending read, which must not be reported as a second ending.
  let isOver = false;
  const end = (ending: Ending) => {
    if (!isOver) ended(ending);
    isOver = true;
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const give = (bytes: Uint8Array) => {
          if (bytes.length === 0) return false;
          controller.enqueue(bytes);
          delivered ||= !gone.aborted;
          return true;
        };
        try {
          for (;;) {
            const { done, value } = await reader.read();
            if (isOver) return;
            if (done) {
              give(held);
              controller.close();
              end("delivered");
              return;
            }
            const { clean, rest } = withoutKey(
              held.length === 0 ? value : concat([held, value]),
              secret,
            );
            held = rest;
            if (give(clean)) return;
          }
        } catch (error) {
          end("broken");
          controller.error(error);
        }
      },
      async cancel(reason) {
        end(delivered ? "delivered" : "left");
        await reader.cancel(reason).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

/** The bytes without the key, and as `rest` their end where the key may begin and continue in the next part. */
function withoutKey(
  bytes: Uint8Array,
  secret: Uint8Array,
): { clean: Uint8Array; rest: Uint8Array } {
  const parts: Uint8Array[] = [];
  let from = 0;
  let end = bytes.length;
  let at = bytes.indexOf(secret[0] ?? 0);
  while (at !== -1) {
    const length = commonLength(bytes, at, secret);
    if (length === secret.length) {
      parts.push(bytes.subarray(from, at), removed);
      from = at + length;
    } else if (at + length === bytes.length) {
      end = at;
      break;
    }
    at = bytes.indexOf(secret[0] ?? 0, Math.max(from, at + 1));
  }
  const last = bytes.subarray(from, end);
  return { clean: parts.length === 0 ? last : concat([...parts, last]), rest: bytes.subarray(end) };
}

/** The number of bytes from a position on that match the beginning of the key. */
function commonLength(bytes: Uint8Array, at: number, secret: Uint8Array): number {
  let length = 0;
  while (length < secret.length && bytes[at + length] === secret[length]) length += 1;
  return length;
}
