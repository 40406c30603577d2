import { randomUUID } from "node:crypto";
import { signToken } from "../../../scripts/local/tokens.ts";
import { asOperator } from "./clients.ts";
import { stack } from "./stack.ts";

/** Somebody of a crowd: who they are and the token that says so. */
export interface Member {
  id: string;
  email: string;
  token: string;
}

/**
 * Makes many users at once. Signing up takes its time with each password, on purpose; these have none, and tokens
 * that are signed as Auth would.
 */
export async function gather(size: number): Promise<Member[]> {
  const members = Array.from({ length: size }, () => {
    const id = randomUUID();
    const email = `member-${id}@tests.pinebase.test`;
    return { id, email, token: tokenOf(id, email) };
  });
  await asOperator(
    (sql) => sql`
      insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)
      select m.id, 'authenticated', 'authenticated', m.email, now(), now(), now()
      from jsonb_to_recordset(${sql.json(members.map(({ id, email }) => ({ id, email })))}) as m (id uuid, email text)
    `,
  );
  return members;
}

function tokenOf(id: string, email: string): string {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, exp: now + 3600 };
  const person = { sub: id, email, role: "authenticated", aud: "authenticated" };
  return signToken({ ...person, ...times, iss: `${stack.API_URL}/auth/v1` }, stack.JWT_SECRET);
}

/** Posts to an edge function as somebody; gives the status, the headers and the parsed body. */
export async function postAs(
  { token }: Pick<Member, "token">,
  name: string,
  body: unknown,
  functionsUrl = stack.FUNCTIONS_URL,
) {
  const response = await fetch(`${functionsUrl}/${name}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      apikey: stack.PUBLISHABLE_KEY,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Calls a function of the database over HTTP with a token of one's own. */
export async function rpcAs(token: string, name: string, args: object) {
  const response = await fetch(`${stack.API_URL}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      apikey: token === stack.SECRET_KEY ? stack.SECRET_KEY : stack.PUBLISHABLE_KEY,
      "content-type": "application/json",
    },
    body: JSON.stringify(args),
  });
  return { status: response.status, body: await response.json() };
}
