/*
 * Serves the edge functions of a folder on 127.0.0.1, each in its own worker, so that one that fails to load or ends by
 * an unhandled rejection does not end the others. A worker starts with the first request. When a file of the folder
 * changes, the next request starts a new one. Deno runs this program. It prints its port to standard output and ends with
 * its standard input.
 */

interface Loaded {
  worker: Worker;
  port: number;
}

const folder = Deno.args[0];
if (!folder) throw new Error("usage: router.ts FOLDER");

const workers = new Map<string, Promise<Loaded>>();

const server = Deno.serve(
  {
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(JSON.stringify({ port })),
  },
  answer,
);

void reloadOnChange();

for await (const _ of Deno.stdin.readable) {
  // Nothing is sent on this stream. Only its end matters.
}
await Promise.race([server.shutdown(), new Promise((resolve) => setTimeout(resolve, 1_000))]);
Deno.exit(0);

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const name = url.pathname.split("/")[1] ?? "";
  if (!(await exists(name))) {
    return failure(404, "NOT_FOUND", "Requested function was not found");
  }
  const loading = workers.get(name) ?? load(name);
  let loaded: Loaded;
  try {
    loaded = await loading;
  } catch (error) {
    log(name, error);
    return failure(503, "BOOT_ERROR", "Function failed to start (please check logs)");
  }
  url.hostname = "127.0.0.1";
  url.port = String(loaded.port);
  try {
    // A compressed answer would be decompressed here and lose its length.
    const forwarded = new Request(url, request);
    forwarded.headers.set("accept-encoding", "identity");
    return await inOnePiece(await fetch(forwarded, { redirect: "manual" }));
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    log(name, error);
    // Deno.exit() ends a worker without an event. The next request starts another.
    forget(name, loading);
    return failure(500, "WORKER_ERROR", "Function exited due to an error (please check logs)");
  }
}

/**
 * Reads an answer of a known length before it is passed on. As a stream, its head and its body would be two packets, and
 * with Nagle's algorithm, which Deno.serve leaves on, the second would wait 40 ms for the acknowledgement of the first.
 */
async function inOnePiece(response: Response): Promise<Response> {
  if (response.body === null || !response.headers.has("content-length")) return response;
  return new Response(await response.arrayBuffer(), response);
}

function load(name: string): Promise<Loaded> {
  const starting = start(name);
  workers.set(name, starting);
  starting.catch(() => forget(name, starting));
  return starting;
}

function start(name: string): Promise<Loaded> {
  const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module", name });
  return new Promise((resolve, reject) => {
    let serving = false;
    const fail = (error: unknown) => {
      worker.terminate();
      reject(error);
    };
    worker.onmessage = ({ data }) => {
      if (data.port) {
        serving = true;
        resolve({ worker, port: data.port });
      } else if (data.failed) {
        fail(new Error(data.failed));
      } else if (!serving) {
        fail(new Error("the function never called Deno.serve"));
      }
    };
    worker.onerror = (event) => {
      // Without this the error would also end the router.
      event.preventDefault();
      log(name, event.message);
      forget(name);
      fail(new Error(event.message));
    };
    worker.postMessage(`file://${folder}/${name}/index.ts`);
  });
}

function forget(name: string, only?: Promise<Loaded>): void {
  const current = workers.get(name);
  if (!current || (only && current !== only)) return;
  workers.delete(name);
  current.then(({ worker }) => worker.terminate()).catch(() => {});
}

async function reloadOnChange(): Promise<void> {
  if (!folder) return;
  for await (const event of Deno.watchFs(folder)) {
    if (event.kind === "access") continue;
    for (const name of [...workers.keys()]) forget(name);
  }
}

async function exists(name: string): Promise<boolean> {
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) return false;
  return await Deno.stat(`${folder}/${name}/index.ts`).then(
    ({ isFile }) => isFile,
    () => false,
  );
}

function failure(status: number, code: string, message: string): Response {
  // No function has answered, so none has decided which pages may read the answer.
  const headers = { "access-control-allow-origin": "*" };
  return Response.json({ code, message }, { status, headers });
}

function log(name: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(`[${name}] ${text}`);
}
