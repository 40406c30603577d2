import { type Failure, failure } from "../_shared/http/failure.ts";

/** The files of users. */
export interface Files {
  /** Removes all files of a user, and returns their number. */
  removeAll(userId: string): Promise<number | Failure>;
}

/** An error that Storage answered. */
export interface StorageError {
  status?: number | undefined;
  statusCode?: string | undefined;
}

/** The part of supabase-js that lists and removes the files of a bucket. */
export interface Bucket {
  list(
    folder: string,
    options: { limit: number },
  ): Promise<{ data: { name: string; id: string | null }[] | null; error: StorageError | null }>;
  remove(paths: string[]): Promise<{ data: { name: string }[] | null; error: StorageError | null }>;
}

/** The number of files that Storage lists or removes in one call. */
const page = 1_000;

/** Why files could not be removed: Storage's error, or null where Storage reported none and the files stayed. */
interface RemovalError {
  error: StorageError | null;
}

/**
 * Removes files with the Storage API, because deleting the rows in SQL would leave the stored bytes. The first page of a
 * folder is read again until the folder is empty, so that no file is skipped while others are removed. Folders disappear
 * with their last file.
 */
export function createFiles(bucket: Bucket): Files {
  const removeFolder = async (folder: string): Promise<number | RemovalError> => {
    let removed = 0;
    for (;;) {
      const { data: entries, error } = await bucket.list(folder, { limit: page });
      if (error || entries === null) return { error };
      if (entries.length === 0) return removed;

      const before = removed;
      const files = entries.filter(({ id }) => id !== null).map(({ name }) => `${folder}/${name}`);
      if (files.length > 0) {
        const result = await bucket.remove(files);
        if (result.error || result.data === null) return { error: result.error };
        removed += result.data.length;
      }
      for (const { name } of entries.filter(({ id }) => id === null)) {
        const inside = await removeFolder(`${folder}/${name}`);
        if (typeof inside !== "number") return inside;
        removed += inside;
      }
      // Without progress the loop would not end.
      if (removed === before) return { error: null };
    }
  };

  return {
    async removeAll(userId) {
      const result = await removeFolder(userId);
      if (typeof result === "number") return result;
      if (isNoStorage(result.error)) return 0;
      return failure(
        "upstream_error",
        "The files could not be removed, so the account was not deleted. Try again later.",
        { cause: `storage:${result.error?.status ?? "stuck"}` },
      );
    },
  };
}

/**
 * Whether the error is that of the stack without Docker, which has no Storage and so no files. A real Storage never
 * answers it. After any other error the account stays until its files are removed.
 */
function isNoStorage(error: StorageError | null): boolean {
  return error?.status === 501 && error.statusCode === "not_in_local_stack";
}
