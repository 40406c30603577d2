import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageFile, runChild, runNodeProgram } from "../../../scripts/lib/child.ts";
import { listMigrations } from "../../../scripts/lib/migration-files.ts";
import { projectDir } from "../../../scripts/local/paths.ts";
import { scratchFolder } from "../support/commands.ts";
import { installInto, ownTypes, pack } from "../support/packed.ts";

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
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

  it("carries every migration, its way back and the functions, and no secret or test", async () => {
    const files = await installedFiles();
    for (const { path, rollbackPath } of await listMigrations()) {
      expect(files).toContain(path);
      expect(files).toContain(rollbackPath);
    }
    expect(files).toContain("supabase/functions/_shared/schemas.ts");
    expect(files).toContain("supabase/config.toml");
    expect(files.filter((file) => /(^|\/)\.env|\.test\.|node_modules/.test(file))).toEqual([]);
  });

  it("brings nothing but zod into a project", async () => {
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
    "compiles, and what is wrong in it does not, with moduleResolution %s",
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
            // What others ship is theirs, and a second look at ours finds no more than the first.
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
  ])("reads the three shapes of an error in %s", async (_, file) => {
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
    });
  });
});

async function installedFiles(): Promise<string[]> {
  const { findFiles } = await import("../../../scripts/lib/find-files.ts");
  const root = join(app, "node_modules", "pinebase");
  const files = await findFiles(root, "");
  return files.map((file) => file.slice(root.length + 1));
}
