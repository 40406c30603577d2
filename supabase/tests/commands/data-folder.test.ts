import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { scratchFolder } from "../support/commands.ts";
import { prepareFolder } from "../support/local-stack.ts";

it("the folder of a stack is ignored by git, and its code is an ES module even in a CommonJS project", async () => {
  const project = await scratchFolder();
  try {
    await writeFile(join(project.path, "package.json"), '{"type": "commonjs"}');
    const folder = join(project.path, ".pinebase");
    await prepareFolder(folder);
    expect((await readFile(join(folder, ".gitignore"), "utf8")).trim()).toBe("*");
    expect(JSON.parse(await readFile(join(folder, "package.json"), "utf8"))).toEqual({
      type: "module",
    });
  } finally {
    await project.remove();
  }
});
