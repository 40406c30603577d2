import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import { type Functions, startFunctions } from "../support/local-stack.ts";

describe("the local edge functions", () => {
  let scratch: ScratchFolder;
  let folder: string;
  let functions: Functions;

  const write = async (name: string, index: string, imports: Record<string, string> = {}) => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, "index.ts"), index);
    await writeFile(join(folder, name, "deno.json"), JSON.stringify({ imports }));
  };
  const call = async (path: string) => {
    const answer = await fetch(`${functions.url}/${path}`);
    return [answer.status, await answer.text()];
  };

  beforeAll(async () => {
    scratch = await scratchFolder();
    folder = join(scratch.path, "functions");
    await mkdir(join(folder, "_shared"), { recursive: true });
    await writeFile(join(folder, "_shared", "greeting.ts"), 'export const greeting = "hello";');
    await write(
      "greet",
      `import { greeting } from "../_shared/greeting.ts";
       Deno.serve((request) => new Response(greeting + new URL(request.url).pathname));`,
    );
    await write(
      "parse",
      `import { z } from "zod";
       Deno.serve({ port: 1 }, () => Response.json(z.string().safeParse(1).success));`,
      { zod: "npm:zod@4" },
    );
    await write(
      "crash",
      `Deno.serve((request) => {
         if (request.url.endsWith("?now")) Promise.reject(new Error("nobody awaits this"));
         return new Response(Deno.env.get("WORD"));
       });`,
    );
    await write(
      "leave",
      `Deno.serve((request) => {
         if (request.url.endsWith("?now")) Deno.exit(3);
         return new Response("here");
       });`,
    );
    await write(
      "loop",
      `Deno.serve((request) => {
         while (request.url.endsWith("?now"));
         return new Response("quick");
       });`,
    );
    await write("broken", 'throw new Error("it does not load");');
    functions = await startFunctions({
      dir: scratch.path,
      folder,
      environment: { WORD: "from outside" },
    });
  });

  afterAll(async () => {
    await functions?.stop();
    await scratch.remove();
  });

  it("get the requests for their name, with the path that they have on hosted", async () => {
    expect(await call("greet/more?x=1")).toEqual([200, "hello/greet/more"]);
  });

  it("import what their own deno.json names", async () => {
    expect(await call("parse")).toEqual([200, "false"]);
  });

  it("answer 404 for folders that are no function", async () => {
    expect((await call("_shared"))[0]).toBe(404);
    expect((await call("..%2Fgreet"))[0]).toBe(404);
    expect((await call("absent"))[0]).toBe(404);
  });

  it("do not affect each other when one does not load or throws", async () => {
    expect((await call("broken"))[0]).toBe(503);
    expect(await call("crash")).toEqual([200, "from outside"]);
    await call("crash?now").catch(() => null);
    expect(await call("greet")).toEqual([200, "hello/greet"]);
    await expect.poll(() => call("crash"), { timeout: 10_000 }).toEqual([200, "from outside"]);
    const log = await readFile(join(scratch.path, "functions.log"), "utf8");
    expect(log).toContain("it does not load");
    expect(log).toContain("nobody awaits this");
  });

  it("do not affect each other when one exits or never answers", async () => {
    expect(await call("leave")).toEqual([200, "here"]);
    await call("leave?now").catch(() => null);
    expect(await call("greet")).toEqual([200, "hello/greet"]);
    await expect.poll(() => call("leave"), { timeout: 10_000 }).toEqual([200, "here"]);

    const stuck = new AbortController();
    const never = fetch(`${functions.url}/loop?now`, { signal: stuck.signal }).catch(() => null);
    expect(await call("greet")).toEqual([200, "hello/greet"]);
    stuck.abort();
    await never;
  });

  it("do not start if their imports cannot be fetched, and report Deno's error", async () => {
    const elsewhere = join(scratch.path, "elsewhere");
    await mkdir(join(elsewhere, "far"), { recursive: true });
    const imports = { far: "npm:a-package-that-is-not-installed@1.0.0" };
    await writeFile(join(elsewhere, "far", "deno.json"), JSON.stringify({ imports }));
    const before = process.env.NPM_CONFIG_REGISTRY;
    process.env.NPM_CONFIG_REGISTRY = "http://127.0.0.1:1";
    const steps: string[] = [];
    const onFetch = () => void steps.push("fetching");
    const options = { dir: elsewhere, folder: elsewhere, environment: {}, onFetch };
    await expect(startFunctions(options)).rejects.toThrow(
      /cannot be fetched\.[\s\S]*a-package-that-is-not-installed/,
    );
    expect(steps).toEqual(["fetching"]);
    if (before === undefined) delete process.env.NPM_CONFIG_REGISTRY;
    else process.env.NPM_CONFIG_REGISTRY = before;
  });

  it("are loaded again when a file changes, even a shared one", async () => {
    await writeFile(join(folder, "_shared", "greeting.ts"), 'export const greeting = "welcome";');
    await expect.poll(() => call("greet"), { timeout: 10_000 }).toEqual([200, "welcome/greet"]);
  });
});
