import { encodeHex } from "../std/encoding/hex.ts";

/** SHA-256 of a list of texts, in hexadecimal. */
export async function digest(...texts: readonly (string | null)[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}
