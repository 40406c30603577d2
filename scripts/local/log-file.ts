import { appendFile } from "node:fs/promises";

/**
 * Opens a log of the stack, whose lines are written in their order. What cannot be written, because the disk is full
 * or the folder is gone, is lost: a log must never end what it tells of.
 */
export function openLog(file: string): (text: string | Uint8Array) => void {
  let written = Promise.resolve();
  return (text) => {
    written = written.then(() => appendFile(file, text)).catch(() => {});
  };
}
