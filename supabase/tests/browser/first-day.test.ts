import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect } from "vitest";
import { billingOverviewSchema } from "../../../types/documents.ts";
import { journey, signUp, useBrowser } from "../support/browser.ts";
import {
  type RunningCommand,
  ready,
  type ScratchFolder,
  scratchFolder,
  startCommand,
} from "../support/commands.ts";
import type { Status } from "../support/local-stack.ts";
import { projectDir } from "../support/programs.ts";

/** The README's section about selling on the first day, by its own commands, on a new stack. */

useBrowser();

let folder: ScratchFolder;
let stack: RunningCommand;
let status: Status;

beforeAll(async () => {
  folder = await scratchFolder();
  stack = startCommand(["start", "--port", "0", "--dir", folder.path]);
  status = await ready(stack, folder.path);
});

afterAll(async () => {
  stack?.kill("SIGTERM");
  await stack?.exited;
  await folder?.remove();
});

journey("a team sets prices, a customer buys, and the team sees the sale", async (open) => {
  const [setup = "", overview = ""] = await readmeCommands("### Sell something on the first day");
  expect([setup, overview].map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
    "npm run stripe:setup",
    "npm run billing:overview",
  ]);

  const first = await run(setup);
  expect(first.code).toBe(0);
  expect(first.output).toContain("creating the price of premium_monthly, 800 eur");
  const again = await run(setup);
  expect(again.code).toBe(0);
  expect(again.output).not.toMatch(/creating|created/);
  expect((await run(overview)).output).toContain("There is no subscription yet.");

  const page = await open("/sign-up", { baseURL: status.APP_URL ?? "" });
  await signUp(page);
  await page.getByRole("link", { name: "Plans" }).click();
  await page.getByRole("radio", { name: "EUR" }).check({ force: true });
  const premium = page.getByRole("region", { name: "Premium, monthly" });
  await premium.getByText("€8.00 a month").waitFor();
  await premium.getByRole("button", { name: "Buy Premium, monthly" }).click();
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.getByText("Thank you. The payment has arrived.").waitFor();
  await page.getByText(/^Premium until/).waitFor();
  await page.getByRole("button", { name: "Buy 100 credits" }).click();
  await page.getByText("100 credits, $5.00").waitFor();
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.getByRole("link", { name: "205 credits" }).waitFor();

  const seen = await run(overview);
  expect(seen.output).toMatch(/eur\s+8\.00\s+1\s+0\s+0/);
  const { output } = await run(`${overview} -- --json`);
  const figures = JSON.parse(output.slice(output.indexOf("{")));
  expect(billingOverviewSchema.parse(figures)).toMatchObject({
    by_currency: [{ currency: "eur", mrr: 800, active: 1, trialing: 0, past_due: 0 }],
    new_30d: 1,
  });
  expect(figures.attention).toEqual([]);
  expect(seen.code).toBe(0);
});

/** The commands of a section of the README, in order. */
async function readmeCommands(heading: string): Promise<string[]> {
  const readme = await readFile(join(projectDir, "README.md"), "utf8");
  const [, section = ""] = readme.split(`${heading}\n`);
  const [own = ""] = section.split("\n### ");
  return [...own.matchAll(/```sh\n(.+)\n```/g)].map(([, line = ""]) => line);
}

/** Runs a command of the README unchanged, on the stack of this test. */
async function run(line: string): Promise<{ code: number; output: string }> {
  const [program = "", ...args] = line.split(" ");
  const separated = args.includes("--") ? args : [...args, "--"];
  // With a key from the environment the command would use the real Stripe.
  const { STRIPE_SECRET_KEY: _, ...env } = process.env;
  try {
    const options = { cwd: projectDir, env, shell: process.platform === "win32" };
    const { stdout, stderr } = await promisify(execFile)(
      program,
      [...separated, "--dir", folder.path],
      options,
    );
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}
