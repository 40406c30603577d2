import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";

const headerSchema = z.object({ alg: z.literal("HS256") });
const claimsSchema = z.looseObject({ role: z.string().optional(), exp: z.number().optional() });

/** Signs a JSON Web Token by HS256 (RFC 7519, RFC 7518 section 3.2). */
export function signToken(claims: Record<string, unknown>, secret: string): string {
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${signature(body, secret).toString("base64url")}`;
}

/** Whether the token was signed with this secret and has not expired. */
export function verifyToken(token: string, secret: string): boolean {
  const [header, claims, sign, ...rest] = token.split(".");
  if (!header || !claims || !sign || rest.length > 0) return false;
  const expected = signature(`${header}.${claims}`, secret);
  const given = Buffer.from(sign, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  try {
    headerSchema.parse(decode(header));
    const { exp } = claimsSchema.parse(decode(claims));
    return exp === undefined || exp > Date.now() / 1000;
  } catch {
    return false;
  }
}

function signature(body: string, secret: string): Buffer {
  return createHmac("sha256", secret).update(body).digest();
}

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
}
