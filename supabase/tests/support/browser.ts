import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { afterAll, beforeAll, inject, it } from "vitest";
import { projectDir } from "../../../scripts/local/paths.ts";
import { appUrl } from "./stack.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The WebSocket address of this run's browser. */
    browserEndpoint: string;
  }
}

/** The folder for screenshots of failed journeys; git ignores it. */
const screenshots = join(projectDir, ".pinebase", "screenshots");

/** Opens a path of the app in a new browser profile. */
export type Open = (path?: string, options?: BrowserContextOptions) => Promise<Page>;

let browser: Browser;

/** Connects to the browser that all files of a run share. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.connect(inject("browserEndpoint"));
  });
  afterAll(() => browser?.close());
}

/**
 * A test that a person could click through. Every page that it opens has its own profile, as of another person. When it
 * fails, a screenshot of each page is kept, and the error names the files.
 */
export function journey(name: string, walk: (open: Open) => Promise<void>): void {
  it(name, async () => {
    const contexts: BrowserContext[] = [];
    const open: Open = async (path = "/", options = {}) => {
      const context = await browser.newContext({ baseURL: appUrl, locale: "en-GB", ...options });
      contexts.push(context);
      context.setDefaultTimeout(20_000);
      const page = await context.newPage();
      await page.goto(path);
      return page;
    };
    try {
      await walk(open);
    } catch (error) {
      const files = await keepScreenshots(name, contexts);
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}\nScreenshots: ${files.join(", ")}`, { cause: error });
    } finally {
      await Promise.all(contexts.map((context) => context.close()));
    }
  });
}

async function keepScreenshots(name: string, contexts: readonly BrowserContext[]) {
  await mkdir(screenshots, { recursive: true });
  const pages = contexts.flatMap((context) => context.pages());
  return Promise.all(
    pages.map(async (page, index) => {
      const path = join(screenshots, `${name.replaceAll(/\W+/g, "-")}-${index + 1}.png`);
      await page.screenshot({ path, fullPage: true });
      return path;
    }),
  );
}

/** A new email and a password. */
export function newcomer(name = "person") {
  return { email: `${name}-${randomUUID()}@tests.pinebase.test`, password: randomUUID() };
}

/** Signs a new person up on the page, and waits until they are signed in. */
export async function signUp(page: Page, person = newcomer(), name = "Ada"): Promise<void> {
  await page.goto("/sign-up");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "My strategies" }).waitFor();
}

/** Drags with the mouse: press, move in steps, release. */
export async function drag(page: Page, from: Locator, to: Locator): Promise<void> {
  await from.hover();
  await page.mouse.down();
  const target = await to.boundingBox();
  if (!target) throw new Error("The target of the drag is not on the page.");
  await page.mouse.move(target.x + target.width / 2, target.y + target.height / 2, { steps: 8 });
  await page.mouse.up();
}

/** Puts an indicator of the library into a slot of the strategy on the page, by the slot's button. */
export async function choose(page: Page, slot: string, indicator: string): Promise<void> {
  await page.getByRole("button", { name: `Add an indicator to ${slot}` }).press("Enter");
  const drawer = page.getByRole("dialog", { name: `Add to ${slot}` });
  await drawer.getByLabel("Search the library").fill(indicator);
  await drawer.getByRole("button", { name: `Add ${indicator}`, exact: true }).press("Enter");
  await page.getByRole("region", { name: slot }).getByRole("button", { name: indicator }).waitFor();
}
