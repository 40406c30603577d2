/// <reference lib="deno.worker" />

/*
 * Runs one edge function in a thread. The function calls Deno.serve, by which hosted gives it the requests to its name.
 * Here that opens a free port on 127.0.0.1 and sends its number to the router.
 */

const serve = Deno.serve;

type Handler = (request: Request) => Response | Promise<Response>;

function localServe(...args: unknown[]) {
  const handler = args.map(toHandler).find((found) => found !== null);
  if (!handler) throw new TypeError("Deno.serve was called without a handler");
  const onListen = ({ port }: { port: number }) => self.postMessage({ port });
  return serve({ hostname: "127.0.0.1", port: 0, onListen }, handler);
}

/** The handler is an argument itself or a field of the options. */
function toHandler(argument: unknown): Handler | null {
  if (typeof argument === "function") return argument as Handler;
  if (typeof argument !== "object" || argument === null || !("handler" in argument)) return null;
  return toHandler(argument.handler);
}

Object.defineProperty(Deno, "serve", { value: localServe });

self.onmessage = async (event: MessageEvent<string>) => {
  try {
    await import(event.data);
    self.postMessage({ loaded: true });
  } catch (error) {
    self.postMessage({
      failed: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
};
