import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { UserError } from "../lib/user-error.ts";

/**
 * Milliseconds that a server of ours keeps a connection that nobody uses: longer than the clients do, or one that it
 * closes may be just about to carry the next request, which then fails.
 */
export const keepAliveTimeout = 120_000;

/** A port of this machine that is ours from the moment we have it. */
export interface OpenPort {
  port: number;
  /** Where requests reach it. */
  url: string;
  /** Answers requests from now on; until then they get 503. */
  serve(fetch: (request: Request) => Promise<Response>): void;
  close(): Promise<void>;
}

/**
 * Opens a port on 127.0.0.1; 0 takes a free one.
 *
 * @throws UserError when it is taken
 */
export async function openPort(what: string, port: number): Promise<OpenPort> {
  let answer = async (_: Request) =>
    Response.json({ message: "The stack is still starting." }, { status: 503 });
  const listener = getRequestListener((request) => answer(request), {
    overrideGlobalObjects: false,
  });
  const server = createServer({ keepAliveTimeout }, listener);
  await listen(server, what, port);
  const address = server.address();
  const opened = address && typeof address === "object" ? address.port : port;
  return {
    port: opened,
    url: `http://127.0.0.1:${opened}`,
    serve: (fetch) => {
      answer = fetch;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Finds a free port for a program that opens it itself: the one that was asked for, or any for 0.
 *
 * @throws UserError when it is taken
 */
export async function findPort(what: string, port: number): Promise<number> {
  const opened = await openPort(what, port);
  await opened.close();
  return opened.port;
}

/** The error for a port that cannot be had. */
export function portError(what: string, port: number, cause?: unknown): UserError {
  const denied = cause instanceof Error && "code" in cause && cause.code === "EACCES";
  return new UserError(
    `Port ${port}, for the ${what}, ${denied ? "is not open to this user" : "is in use by another program"}.`,
    denied
      ? "Take a port above 1023, or free ones with npm start -- --port 0."
      : "Stop that program, or take free ports with npm start -- --port 0.",
    { cause },
  );
}

async function listen(server: Server, what: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(portError(what, port, cause)));
    server.listen(port, "127.0.0.1", resolve);
  });
}
