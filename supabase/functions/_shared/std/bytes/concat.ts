/** Joins arrays of bytes into a new one. */
export function concat(buffers: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(buffers.reduce((length, buffer) => length + buffer.length, 0));
  let at = 0;
  for (const buffer of buffers) {
    whole.set(buffer, at);
    at += buffer.length;
  }
  return whole;
}
