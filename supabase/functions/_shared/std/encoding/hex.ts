/** Writes bytes in hexadecimal, in lower case. */
export function encodeHex(src: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(src), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
