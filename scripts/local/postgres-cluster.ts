import {
  chown,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../lib/user-error.ts";
import { type PostgresUser, spawnAs } from "./postgres-user.ts";
import { supervise } from "./processes.ts";

/** What a cluster is made from. */
export interface ClusterOptions {
  /** The folder of the stack, for the log. */
  dir: string;
  /** The folder of the cluster. */
  data: string;
  initdb: string;
  user: PostgresUser | null;
  superuser: string;
  password: string;
}

/**
 * Whether the folder holds a cluster of Postgres 17.
 *
 * @throws UserError when it holds anything else
 */
export async function hasCluster(data: string): Promise<boolean> {
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => null);
  if (version?.trim() === "17") return true;
  if (version !== null) {
    throw new UserError(
      `The data in ${data} was made by Postgres ${version.trim()}, and this is Postgres 17.`,
      "Start on another folder with npm start -- --dir PATH, or delete the data with npm run reset.",
    );
  }
  if (await stat(data).catch(() => null)) {
    throw new UserError(
      `The data folder ${data} is broken: it is not a Postgres cluster.`,
      "Restore it from a copy, or delete the local data with npm run reset.",
    );
  }
  return false;
}

/**
 * Creates the cluster as Supabase's image does: UTF-8, ICU's en-US, passwords by SCRAM. It is made in a folder beside
 * its own and moved when it is complete, so that an interrupted start leaves no incomplete cluster.
 *
 * @throws UserError when initdb fails
 */
export async function createCluster(options: ClusterOptions): Promise<void> {
  const { data, user } = options;
  const draft = `${data}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await giveTo(user, draft);

  const secrets = await mkdtemp(join(tmpdir(), "pinebase-"));
  const log = join(options.dir, "initdb.log");
  const output = await open(log, "w", 0o600);
  try {
    const passwordFile = join(secrets, "password");
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    await giveTo(user, secrets);
    await giveTo(user, passwordFile);
    const args = [
      `--pgdata=${draft}`,
      `--username=${options.superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=icu",
      "--icu-locale=en-US",
      "--no-instructions",
      "--no-sync",
    ];
    const child = await spawnAs(user, options.initdb, args, [draft], output.fd);
    const code = await supervise(child, "SIGTERM").ended;
    if (code !== 0) {
      await rm(draft, { recursive: true, force: true });
      const lastLine = (await readFile(log, "utf8")).trim().split("\n").at(-1);
      throw new UserError(
        `Postgres could not create its data folder ${data}: ${lastLine || `initdb ended with ${code}`}`,
        `The whole output is in ${log}.`,
      );
    }
    await rename(draft, data);
  } finally {
    await output.close();
    await rm(secrets, { recursive: true, force: true });
  }
}

async function giveTo(user: PostgresUser | null, path: string): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
}
