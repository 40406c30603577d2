import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createPgtap, installPgtap } from "./lib/pgtap-extension.ts";
import { addTallies, type Tally } from "./lib/tally.ts";
import { type TestContext, type TestLayer, testLayers } from "./lib/test-layers.ts";
import { UserError } from "./lib/user-error.ts";
import { withConnection } from "./local/connection.ts";
import { pushMigrations } from "./local/migrations.ts";
import { commandLineOf, gone, isAlive } from "./local/processes.ts";
import { watchSignals } from "./local/signals.ts";
import { type Stack, startStack } from "./local/stack.ts";

/**
 * `npm test`: runs every test against a stack that is started for it and deleted afterwards. With arguments, it runs only
 * the files whose path contains one of them.
 */
export async function run(filters: string[]): Promise<number> {
  const plan = await planRun(filters);
  const stopping = watchSignals();
  const scratch = await mkdtemp(join(tmpdir(), "pinebase-test-"));
  try {
    await useScratch(scratch);
    return summarize(await testAgainstStack(scratch, plan, stopping));
  } catch (error) {
    if (!stopping.aborted) {
      throw error;
    }
    console.log("\nInterrupted.");
    return 130;
  } finally {
    await stopServers(scratch);
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Makes tools keep their files in the scratch folder, not in the home folder or the checkout. */
async function useScratch(scratch: string): Promise<void> {
  // As root, the server runs as another user, who needs to enter the folder.
  await chmod(scratch, 0o711);
  const folders = { HOME: "home", USERPROFILE: "home", TMPDIR: "tmp", TEMP: "tmp", TMP: "tmp" };
  for (const [name, folder] of Object.entries({ ...folders, DENO_DIR: "deno" })) {
    process.env[name] = join(scratch, folder);
    await mkdir(join(scratch, folder), { recursive: true, mode: 0o711 });
  }
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("XDG_")) {
      delete process.env[name];
    }
  }
}

async function testAgainstStack(
  scratch: string,
  plan: readonly Planned[],
  signal: AbortSignal,
): Promise<Tally> {
  await installPgtap();
  const stack = await startStack({
    dir: join(scratch, "stack"),
    apiPort: 0,
    dbPort: 0,
    appPort: 0,
    defaultPrivileges: "granted",
    environment: {},
    stripeStandIn: true,
    onProgress: (step) => console.log(`${step} ...`),
    signal,
  });
  try {
    signal.throwIfAborted();
    const revokedUrl = await prepareDatabases(stack);
    process.env.PINEBASE_STATUS = await writeTestStatus(scratch, stack, revokedUrl);
    const context = { grantedUrl: stack.databaseUrl(), revokedUrl, signal };
    const tallies: Tally[] = [];
    for (const planned of plan) {
      tallies.push(await runLayer(planned, context));
    }
    return addTallies(tallies);
  } finally {
    await stack.stop();
  }
}

const revokedDatabase = "revoked";

async function prepareDatabases(stack: Stack): Promise<string> {
  console.log("Preparing a second database ...");
  const revokedUrl = await stack.createPlatformDatabase(revokedDatabase, "revoked");
  await pushMigrations(revokedUrl);
  await rotateSecret(revokedUrl);
  await createPgtap(stack.adminUrl());
  await createPgtap(stack.adminUrl(revokedDatabase));
  return revokedUrl;
}

/** Rotates the secret of the API keys in one of the two databases, so that both states are tested. */
async function rotateSecret(url: string): Promise<void> {
  await withConnection(url, async (sql) => {
    await sql`select public.rotate_api_key_secret()`;
    await sql`select public.drop_api_key_secret(1)`;
  });
}

async function writeTestStatus(scratch: string, stack: Stack, revokedUrl: string) {
  const file = join(scratch, "status.json");
  const status = { ...stack.status, ADMIN_DB_URL: stack.adminUrl(), REVOKED_DB_URL: revokedUrl };
  await writeFile(file, JSON.stringify(status, null, 2), { mode: 0o600 });
  return file;
}

/** A layer, and its tests that run. */
interface Planned {
  layer: TestLayer;
  names: string[];
}

async function planRun(filters: readonly string[]): Promise<Planned[]> {
  const layers = await Promise.all(
    testLayers.map(async (layer) => ({ layer, names: await layer.find(filters) })),
  );
  const plan = layers.filter(({ names }) => names.length > 0);
  if (plan.length === 0) {
    throw new UserError(
      `No test has ${filters.map((filter) => `"${filter}"`).join(" or ")} in its path.`,
      "Pass a part of a path below supabase/tests, or no argument to run every test.",
    );
  }
  return plan;
}

/** Runs one layer. It has failed if it has files and runs no test. */
async function runLayer(
  { layer, names }: Planned,
  context: Omit<TestContext, "onResult">,
): Promise<Tally> {
  console.log(`\n${layer.name}`);
  const tallies: Tally[] = [];
  const onResult = (name: string, tally: Tally) => {
    // The output of an interrupted program is not a result.
    if (context.signal.aborted) {
      return;
    }
    tallies.push(tally);
    const mark = tally.failures.length === 0 ? "ok    " : "FAILED";
    const count = tally.passed + tally.failures.length;
    console.log(`  ${mark} ${name}${count === 1 ? "" : ` (${count})`}`);
  };
  await layer.run(names, { ...context, onResult });
  context.signal.throwIfAborted();
  return tallies.length > 0
    ? addTallies(tallies)
    : { passed: 0, failures: names.map((file) => ({ file, name: "ran no test", details: [] })) };
}

function summarize({ passed, failures }: Tally): number {
  for (const { file, name, details } of failures) {
    console.log(`\nFAILED ${file}\n  ${name}`);
    for (const line of details.flatMap((detail) => detail.split("\n"))) {
      console.log(`    ${line}`);
    }
  }
  console.log(`\n${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

/**
 * Stops the servers whose data is below a folder. An interrupted test leaves its server running, because Ctrl-C at the
 * terminal does not reach it.
 */
async function stopServers(scratch: string): Promise<void> {
  const files = await readdir(scratch, { recursive: true }).catch(() => []);
  for (const file of files.filter((path) => path.endsWith("postmaster.pid"))) {
    const path = join(scratch, file);
    const pid = Number((await readFile(path, "utf8").catch(() => "")).split("\n")[0]);
    if (pid > 0 && isAlive(pid) && (await commandLineOf(pid))?.includes(dirname(path))) {
      process.kill(pid, "SIGQUIT");
      await gone(pid, 5_000);
    }
  }
}
