import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { UserError } from "../lib/user-error.ts";

/**
 * Milliseconds for which our servers keep an unused connection open. It is longer than clients keep theirs: otherwise a
 * server could close a connection just as a client sends the next request on it, and that request would fail.
 */
export const keepAliveTimeout = 120_000;

/** Answers a request; the socket is the connection that it came by. */
export type Answer = (request: Request, socket: Socket) => Response | Promise<Response>;

/** An open port of this machine. */
export interface OpenPort {
  port: number;
  /** Where requests reach it. */
  url: string;
  /** Answers requests from now on. Until then they get 503. */
  serve(answer: Answer): void;
  close(): Promise<void>;
}

/**
 * Opens a port on 127.0.0.1; 0 takes a free one.
 *
 * @param what the part of the stack that the port is for, as an error names it
 * @throws UserError when the port is in use
 */
export async function openPort(what: string, port: number): Promise<OpenPort> {
  let answer: Answer = () =>
    Response.json({ message: "The stack is still starting." }, { status: 503 });
  const listener = getRequestListener(
    (request, { incoming }) => answer(request, incoming.socket as Socket),
    { overrideGlobalObjects: false },
  );
  const server = createServer({ keepAliveTimeout }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(portError(what, port, cause)));
    server.listen(port, "127.0.0.1", resolve);
  });
  const opened = (server.address() as AddressInfo).port;
  return {
    port: opened,
    url: `http://127.0.0.1:${opened}`,
    serve: (next) => {
      answer = next;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Opens the wanted port, or a free one where another program has it. */
export function openPortOrFree(what: string, wanted: number): Promise<OpenPort> {
  return openPort(what, wanted).catch(() => openPort(what, 0));
}

/**
 * Finds a free port for a program that opens it itself: the given one, or any for 0.
 *
 * @throws UserError when the port is in use
 */
export async function findPort(what: string, port: number): Promise<number> {
  const opened = await openPort(what, port);
  await opened.close();
  return opened.port;
}

/** The error for a port that cannot be opened. */
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
