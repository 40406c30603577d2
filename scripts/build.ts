import { packageFile, runNodeProgram } from "./lib/child.ts";
import { UserError } from "./lib/user-error.ts";

/** `npm run build`: writes the parts of the npm package into `dist`: the modules for apps and the commands of `npx pinebase`. */
export async function run(): Promise<number> {
  const { code, output } = await runNodeProgram(packageFile("tsdown", "dist/run.mjs"), []);
  if (code !== 0) {
    throw new UserError(
      `The package could not be built.\n${output.trim()}`,
      "Correct the sources, then run the command again.",
    );
  }
  console.log("Wrote dist.");
  return 0;
}
