import { randomUUID } from "node:crypto";
import { signToken } from "../../../scripts/local/tokens.ts";
import { asOperator } from "./clients.ts";
import { stack } from "./stack.ts";

/** A user without a password, with a token that is signed as Auth would sign it. */
export interface Member {
  id: string;
  email: string;
  token: string;
}

/** Creates many users at once by SQL, because Auth is slow on purpose when it hashes a password. */
export async function createMembers(count: number): Promise<Member[]> {
  const members = Array.from({ length: count }, () => {
    const id = randomUUID();
    const email = `member-${id}@tests.pinebase.test`;
    return { id, email, token: signedToken(id, email) };
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

/** Creates one such user. */
export async function createMember(): Promise<Member> {
  const [member] = await createMembers(1);
  if (!member) throw new Error("createMembers(1) created nobody");
  return member;
}

function signedToken(id: string, email: string): string {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, exp: now + 3600 };
  const user = { sub: id, email, role: "authenticated", aud: "authenticated" };
  return signToken({ ...user, ...times, iss: `${stack.API_URL}/auth/v1` }, stack.JWT_SECRET);
}

/** Posts to an edge function as a user; gives the status, the headers and the parsed body. */
export async function postAs(
  { token }: Pick<Member, "token">,
  name: string,
  body: unknown,
  functionsUrl = stack.FUNCTIONS_URL,
) {
  return postJson(`${functionsUrl}/${name}`, token, stack.PUBLISHABLE_KEY, body);
}

/** Calls an RPC over HTTP with a token; gives the status, the headers and the parsed body. */
export async function rpcAs(token: string, name: string, args: object) {
  const apikey = token === stack.SECRET_KEY ? stack.SECRET_KEY : stack.PUBLISHABLE_KEY;
  return postJson(`${stack.API_URL}/rest/v1/rpc/${name}`, token, apikey, args);
}

async function postJson(url: string, token: string, apikey: string, body: unknown) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, apikey, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
