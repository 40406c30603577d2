import { z } from "zod";
import { inCallersWords } from "../lib/callers-words.ts";

/** The fields of an Auth request that determine the kind of sign-in. */
const credentialsSchema = z.looseObject({
  email: z.string().optional(),
  phone: z.string().optional(),
});

const services: ReadonlyArray<readonly [path: RegExp, name: string]> = [
  [/^\/storage\/v1(\/|$)/, "Storage"],
  [/^\/realtime\/v1(\/|$)/, "Realtime"],
  [/^\/graphql\/v1(\/|$)/, "GraphQL"],
  [/^\/pg(\/|$)/, "The database administration API"],
  [/^\/auth\/v1\/(admin|invite)(\/|$)/, "Auth's administration API"],
  [/^\/auth\/v1\/factors(\/|$)/, "Multi-factor sign-in"],
  [/^\/auth\/v1\/(sso|saml)(\/|$)/, "Single sign-on"],
  [/^\/auth\/v1\/(passkeys|webauthn)(\/|$)/, "Passkeys"],
  [/^\/auth\/v1\/oauth(\/|$)/, "The OAuth server"],
  [/^\/auth\/v1\/user\/identities(\/|$)/, "Linking identities"],
];

/** The refusal of a request for a part that only the stack with Docker has, or null. */
export async function absentFrom(pathname: string, request: Request): Promise<Response | null> {
  const service = services.find(([path]) => path.test(pathname))?.[1];
  if (service) return notHere(service, pathname);
  if (request.method !== "POST") return null;

  const grant = new URL(request.url).searchParams.get("grant_type");
  if (pathname === "/auth/v1/token" && (grant === "id_token" || grant === "web3")) {
    return notHere("Sign-in by another provider's token", pathname);
  }
  const route = /^\/auth\/v1\/(signup|token|otp|verify|resend)$/.exec(pathname)?.[1];
  if (!route) return null;
  const credentials = credentialsSchema.safeParse(await body(request)).data;
  if (credentials?.phone && !credentials.email) return notHere("Sign-in by phone", pathname);
  if (route === "signup" && credentials && !credentials.email) {
    return notHere("Anonymous sign-in", pathname);
  }
  return null;
}

function notHere(what: string, pathname: string): Response {
  const message = inCallersWords(
    `${what} is not part of the stack without Docker. Run npm run start:docker to have it.`,
  );
  const code = "not_in_local_stack";
  if (pathname.startsWith("/auth/")) {
    // supabase-js treats every 5xx of Auth as a network failure and drops the message.
    return Response.json({ code, error_code: code, msg: message }, { status: 422 });
  }
  return Response.json({ code, error: code, message }, { status: 501 });
}

async function body(request: Request): Promise<unknown> {
  try {
    return await request.clone().json();
  } catch {
    return null;
  }
}
