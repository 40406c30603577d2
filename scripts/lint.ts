import { readArguments } from "./lib/arguments.ts";
import { biome } from "./lib/database-types.ts";
import { databaseSteps, type LintStep, sourceSteps } from "./lib/lint-steps.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";

/**
 * `npm run lint`: runs every linter on the sources and on a scratch database. `--fix` first lets Biome format the sources
 * and make its safe corrections.
 */
export async function run(args: string[]): Promise<number> {
  const { values } = readArguments("lint", {
    args,
    options: { fix: { type: "boolean", default: false } },
  });
  if (values.fix) {
    await biome(["check", "--write", "."]);
  }
  const failed = [
    ...(await runSteps(sourceSteps)),
    ...(await withMigratedDatabase((url) => runSteps(databaseSteps(url)))),
  ];
  console.log(failed.length === 0 ? "No findings." : `${failed.length} failed.`);
  return failed.length === 0 ? 0 : 1;
}

async function runSteps(steps: readonly LintStep[]): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of steps) {
    const findings = await run();
    console.log(`${findings === "" ? "ok    " : "failed"} ${name}`);
    if (findings !== "") {
      console.log(`${findings}\n`);
      failed.push(name);
    }
  }
  return failed;
}
