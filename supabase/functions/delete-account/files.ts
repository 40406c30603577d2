import { type Failure, failure } from "../_shared/http/failure.ts";

/** A user's files. */
export interface Files {
  /** Removes every one of them; gives how many there were. */
  removeAll(userId: string): Promise<number | Failure>;
}

/** What Storage says when it says no. */
export interface StorageRefusal {
  status?: number | undefined;
  statusCode?: string | undefined;
}

/** The part of supabase-js that knows the files of a bucket. */
export interface Bucket {
  list(
    folder: string,
    options: { limit: number },
  ): Promise<{ data: { name: string; id: string | null }[] | null; error: StorageRefusal | null }>;
  remove(
    paths: string[],
  ): Promise<{ data: { name: string }[] | null; error: StorageRefusal | null }>;
}

/** As many as Storage lists, and removes, at once. */
const page = 1_000;

/** What went wrong when files were removed: Storage's refusal, or null where a file would not go. */
interface Stuck {
  refusal: StorageRefusal | null;
}

/**
 * Removes files by the Storage API, which alone also takes what lies behind a row. A folder is read from its
 * beginning until nothing is left in it, so that no page is skipped while files go. A folder is no file; it is gone
 * with the last one in it.
 */
export function createFiles(bucket: Bucket): Files {
  const removeFolder = async (folder: string): Promise<number | Stuck> => {
    let removed = 0;
    for (;;) {
      const { data: entries, error } = await bucket.list(folder, { limit: page });
      if (error || entries === null) return { refusal: error };
      if (entries.length === 0) return removed;

      const before = removed;
      const files = entries.filter(({ id }) => id !== null).map(({ name }) => `${folder}/${name}`);
      if (files.length > 0) {
        const result = await bucket.remove(files);
        if (result.error || result.data === null) return { refusal: result.error };
        removed += result.data.length;
      }
      for (const { name } of entries.filter(({ id }) => id === null)) {
        const inside = await removeFolder(`${folder}/${name}`);
        if (typeof inside !== "number") return inside;
        removed += inside;
      }
      // What is still listed and does not go would be listed for ever.
      if (removed === before) return { refusal: null };
    }
  };

  return {
    async removeAll(userId) {
      const result = await removeFolder(userId);
      if (typeof result === "number") return result;
      if (isAbsent(result.refusal)) return 0;
      return failure(
        "upstream_error",
        "The files could not be removed, and the account is still there. Try again later.",
        { cause: `storage:${result.refusal?.status ?? "stuck"}` },
      );
    },
  };
}

/**
 * The stack without Docker has no Storage and so no file. It says so in these words, which no Storage that
 * is there ever says: whatever else goes wrong, the account stays until its files are gone.
 */
function isAbsent(refusal: StorageRefusal | null): boolean {
  return refusal?.status === 501 && refusal.statusCode === "not_in_local_stack";
}
