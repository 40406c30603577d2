/*
 * A second implementation of the format of stored keys, from its description, with Web Crypto in place of pgcrypto. Each of
 * the two must open what the other has sealed.
 */

const text = new TextEncoder();

/** Opens `v2.<base64url of iv || ciphertext || tag>`. */
export async function openEnvelope(
  envelope: string,
  secret: string,
  context = "",
): Promise<string> {
  const match = /^v2\.([A-Za-z0-9_-]+)$/.exec(envelope);
  const bytes = Buffer.from(match?.[1] ?? "", "base64url");
  const sealed = bytes.subarray(0, -32);
  const key = await macKey(secret);
  const isWhole = await crypto.subtle.verify(
    "HMAC",
    key,
    bytes.subarray(-32),
    authenticated(sealed, context),
  );
  if (!isWhole) throw new Error("The envelope does not open.");
  const plaintext = await crypto.subtle.decrypt(
    { name: "AES-CBC", iv: sealed.subarray(0, 16) },
    await encryptionKey(secret),
    sealed.subarray(16),
  );
  return new TextDecoder("utf-8", { fatal: true }).decode(plaintext);
}

/** Makes an envelope with the given IV of 16 bytes. */
export async function sealEnvelope(
  plaintext: string,
  secret: string,
  context: string,
  iv: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const ciphertext = await crypto.subtle.encrypt(
    { name: "AES-CBC", iv },
    await encryptionKey(secret),
    text.encode(plaintext),
  );
  const sealed = Buffer.concat([iv, Buffer.from(ciphertext)]);
  const tag = await crypto.subtle.sign(
    "HMAC",
    await macKey(secret),
    authenticated(sealed, context),
  );
  return `v2.${Buffer.concat([sealed, Buffer.from(tag)]).toString("base64url")}`;
}

/** The context that a stored key is authenticated with. */
export function storedContext(userId: string, provider: string, version: number): string {
  return [userId, provider, version].join("\n");
}

function authenticated(sealed: Uint8Array, context: string): Buffer<ArrayBuffer> {
  const bound = text.encode(context);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bound.length);
  return Buffer.concat([text.encode("v2."), length, bound, sealed]);
}

async function encryptionKey(secret: string): Promise<CryptoKey> {
  const bits = await derive(secret, "pinebase api key v2 encrypt");
  return crypto.subtle.importKey("raw", bits, "AES-CBC", false, ["encrypt", "decrypt"]);
}

async function macKey(secret: string): Promise<CryptoKey> {
  const bits = await derive(secret, "pinebase api key v2 authenticate");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bits, algorithm, false, ["sign", "verify"]);
}

async function derive(secret: string, info: string): Promise<ArrayBuffer> {
  const key = await crypto.subtle.importKey("raw", text.encode(secret), "HKDF", false, [
    "deriveBits",
  ]);
  const algorithm = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(0),
    info: text.encode(info),
  };
  return crypto.subtle.deriveBits(algorithm, key, 256);
}
