import { createServer } from "node:net";
import { UserError } from "../lib/user-error.ts";

/** The port that was asked for, when it is free, or a free one for 0. */
export async function freePort(what: string, port: number): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        resolve(address && typeof address === "object" ? address.port : port);
      });
    });
  } catch (cause) {
    throw portError(what, port, cause);
  } finally {
    server.close();
  }
}

/** The error for a port that cannot be had. */
export function portError(what: string, port: number, cause?: unknown): UserError {
  const code = cause instanceof Error && "code" in cause ? cause.code : "EADDRINUSE";
  const reason =
    code === "EACCES" ? "may not be used by this user" : "is in use by another program";
  return new UserError(
    `Port ${port}, for the ${what}, ${reason}.`,
    "Stop that program, or take free ports with npm start -- --port 0.",
    { cause },
  );
}
