import { concat } from "../_shared/std/bytes/concat.ts";

/** How a relayed body ended. */
export type Ending =
  /** The provider said everything, or the client left when it had some of it. */
  | "delivered"
  /** The client left before it had a byte. */
  | "left"
  /** The provider broke off. */
  | "broken";

const removed = new TextEncoder().encode("[key removed]");

/**
 * Passes a body on part by part, each when the reader asks for it, so that a slow reader slows the provider down and
 * nothing piles up here. A key that the provider quotes is replaced, also where two parts share it: of a part's
 * end only what may be the beginning of the key waits for the next part.
 *
 * @param gone aborted when the client has left; what is passed on then reaches nobody
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
  // Cancelling also ends the read that is going on, which must not count as an ending of its own.
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

/** The bytes without the key, and their end if the key may begin there and go on in the next part. */
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

/** How many bytes at a place are those with which the key begins. */
function commonLength(bytes: Uint8Array, at: number, secret: Uint8Array): number {
  let length = 0;
  while (length < secret.length && bytes[at + length] === secret[length]) length += 1;
  return length;
}
