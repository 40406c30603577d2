import { expect } from "vitest";
import { choose, journey, signUp, useBrowser } from "../support/browser.ts";

useBrowser();

journey("a person saves twice, compares the two versions and restores the first", async (open) => {
  const page = await open("/sign-up");
  await signUp(page);
  await page.goto("/strategies/new");
  await page.getByLabel("Name").fill("Reversal");
  await choose(page, "Entry", "MACD");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved as version 1.").waitFor();

  const entry = page.getByRole("region", { name: "Entry" });
  await entry.getByRole("button", { name: /^MACD/ }).click();
  await entry.getByRole("textbox", { name: "Fast length" }).fill("10");
  await page.getByLabel("Description").fill("Sooner");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved as version 2.").waitFor();

  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("checkbox", { name: "Version 1", exact: true }).check();
  await page.getByRole("checkbox", { name: "Version 2", exact: true }).check();
  const comparison = page.getByRole("region", { name: "Comparison" });
  await comparison.getByRole("row", { name: "Entry › MACD › fast_length 12 10" }).waitFor();
  await comparison.getByRole("row", { name: "Description Sooner" }).waitFor();
  expect(await comparison.getByRole("row").count()).toBe(3);

  await page.getByRole("button", { name: "Restore version 1" }).click();
  await page.getByText("Version 1 is restored as version 3.").waitFor();
  await page.getByRole("tab", { name: "Compose" }).click();
  await entry.getByRole("button", { name: /^MACD.*fast_length 12/ }).waitFor();
});

journey("a person saves again while the message about the first save is shown", async (open) => {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    const page = await open("/sign-up", { viewport });
    await signUp(page);
    await page.goto("/strategies/new");
    await page.getByLabel("Name").fill("Reversal");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved as version 1.").waitFor();
    await page.getByLabel("Description").fill("Sooner");
    await page.getByRole("button", { name: "Save" }).click({ timeout: 3_000 });
    await page.getByText("Saved as version 2.").waitFor();
  }
});
