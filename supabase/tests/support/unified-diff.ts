import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The changes of a diff in one file. */
export interface FileDiff {
  path: string;
  /** The lines of each changed place, before and after. */
  hunks: { before: string; after: string }[];
  /** How many lines it adds or removes. */
  changedLines: number;
}

/** Reads a diff as `git diff` prints it. */
export function readDiff(text: string): FileDiff[] {
  return text
    .split(/^diff --git .*\n/m)
    .slice(1)
    .map((file) => {
      const [head = "", ...hunks] = file.split(/^@@ .*\n/m);
      return {
        path: /^\+\+\+ b\/(.+)$/m.exec(head)?.[1] ?? "",
        hunks: hunks.map((hunk) => ({ before: side(hunk, "-"), after: side(hunk, "+") })),
        changedLines: hunks.join("").match(/^[+-]/gm)?.length ?? 0,
      };
    });
}

function side(hunk: string, mark: "-" | "+"): string {
  const lines = hunk.split("\n").filter((line) => line.startsWith(" ") || line.startsWith(mark));
  return lines.map((line) => `${line.slice(1)}\n`).join("");
}

/** Makes the changes in a checkout, each hunk at the next place where its old lines are found. */
export async function applyDiff(files: readonly FileDiff[], root: string): Promise<void> {
  for (const { path, hunks } of files) {
    let rest = await readFile(join(root, path), "utf8");
    let text = "";
    for (const { before, after } of hunks) {
      const place = rest.indexOf(before);
      if (place === -1) throw new Error(`${path} does not hold the lines:\n${before}`);
      text += rest.slice(0, place) + after;
      rest = rest.slice(place + before.length);
    }
    await writeFile(join(root, path), text + rest);
  }
}
