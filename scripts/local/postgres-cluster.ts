import { spawn } from "node:child_process";
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
import { type PostgresUser, startAs } from "./postgres-user.ts";
import { endWithUs } from "./processes.ts";

/** What a cluster is made with. */
export interface ClusterOptions {
  /** The folder of the stack, for the log. */
  dir: string;
  /** Where the cluster goes. */
  data: string;
  initdb: string;
  user: PostgresUser | null;
  superuser: string;
  password: string;
}

/**
 * Whether the folder holds a cluster of our version.
 *
 * @throws UserError when it holds something else
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
      "Put it back from a copy, or delete the local data with npm run reset.",
    );
  }
  return false;
}

/**
 * Creates the cluster as Supabase's image does: UTF-8, ICU's en-US, passwords by SCRAM. It is made
 * beside its place and moved there when it is whole, so that a start that is cut off leaves none.
 *
 * @throws UserError when initdb fails
 */
export async function createCluster(options: ClusterOptions): Promise<void> {
  const { data, user } = options;
  const draft = `${data}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await give(draft, user);

  const secrets = await mkdtemp(join(tmpdir(), "pinebase-"));
  const log = join(options.dir, "initdb.log");
  const output = await open(log, "w", 0o600);
  try {
    const passwordFile = join(secrets, "password");
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    await give(secrets, user);
    await give(passwordFile, user);
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
    const how = await startAs(options.initdb, args, user, [draft]);
    const child = spawn(how.command, how.args, {
      ...how.options,
      stdio: ["ignore", output.fd, output.fd],
    });
    endWithUs(child, "SIGTERM");
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    if (code !== 0) {
      await rm(draft, { recursive: true, force: true });
      const said = (await readFile(log, "utf8")).trim().split("\n").at(-1);
      throw new UserError(
        `Postgres could not create its data folder ${data}: ${said || `initdb ended with ${code}`}`,
        `The whole output is in ${log}.`,
      );
    }
    await rename(draft, data);
  } finally {
    await output.close();
    await rm(secrets, { recursive: true, force: true });
  }
}

async function give(path: string, user: PostgresUser | null): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
}
