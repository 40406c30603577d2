import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BrowserServer, chromium, type LaunchOptions } from "playwright-core";
import type { TestProject } from "vitest/node";
import { appUrl } from "./stack.ts";

/** Starts one browser for all files of a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The first request builds the app, which takes longer than the time limit of a page.
  await fetch(appUrl);
  const server = await launch();
  project.provide("browserEndpoint", server.wsEndpoint());
  return () => server.close();
}

async function launch(): Promise<BrowserServer> {
  if (process.platform === "linux" && process.arch === "x64") {
    return chromium.launchServer(await bundledChromium());
  }
  return launchInstalled(["chrome", "msedge", "chromium"]);
}

/**
 * Starts the first of these browsers that is installed.
 *
 * @throws Error that says what to install, if none is
 */
export async function launchInstalled(channels: readonly string[]): Promise<BrowserServer> {
  for (const channel of channels) {
    const server = await chromium.launchServer({ channel }).catch(() => null);
    if (server) return server;
  }
  throw new Error(
    "The browser tests need Google Chrome or Microsoft Edge on this system. Install one of them, then run npm test again.",
  );
}

/**
 * Chromium from the npm package, which unpacks the browser, a font and the libraries that a bare Linux lacks. The package's
 * arguments are not used, because `--disable-web-security` is among them: with it the browser skips CORS, and these tests
 * would not notice a page that may not call a function.
 */
async function bundledChromium(): Promise<LaunchOptions> {
  // The package unpacks the libraries only if this variable says that it runs on AWS Lambda.
  process.env.AWS_LAMBDA_JS_RUNTIME = "nodejs22.x";
  const { default: bundled } = await import("@sparticuz/chromium");
  const executablePath = await bundled.executablePath();
  const folder = dirname(executablePath);
  const fonts = join(folder, "fonts.conf");
  await writeFile(
    fonts,
    `<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>`,
  );
  return {
    executablePath,
    // There is no sandbox for root, nor for users in most containers. The browser opens only pages of this repository.
    args: ["--no-sandbox", "--headless=shell", "--disable-gpu", "--font-render-hinting=none"],
    env: {
      ...definedVariables(),
      FONTCONFIG_FILE: fonts,
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
    },
  };
}

function definedVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}
