import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Appends to a log. */
export type WriteLog = (text: string | Uint8Array) => void;

/**
 * Opens a log, to which texts are appended in their order. A text that cannot be written, because the disk is full or
 * the folder is gone, is lost: a log must never end the program that it reports on.
 */
export function openLog(file: string): WriteLog {
  let written = Promise.resolve();
  return (text) => {
    written = written.then(() => appendFile(file, text)).catch(() => {});
  };
}

/** Begins a new log in a folder, which only its owner can read. */
export async function newLog(dir: string, name: string): Promise<WriteLog> {
  const file = join(dir, name);
  await writeFile(file, "", { mode: 0o600 });
  return openLog(file);
}

/** Begins a new log of lines, each with its time. */
export async function newLineLog(dir: string, name: string): Promise<(line: string) => void> {
  const write = await newLog(dir, name);
  return (line) => write(`${new Date().toISOString()} ${line}\n`);
}
