import { expect } from "vitest";
import { journey, signUp, useBrowser } from "../support/browser.ts";

useBrowser();

journey("a person stores a model key and sees its audit trail, but never the key", async (open) => {
  const page = await open("/sign-up");
  await signUp(page);
  await page.goto("/keys");
  // The local stack's stand-in for a provider accepts keys of a certain form.
  await page.getByRole("combobox", { name: "Provider" }).click();
  await page.getByRole("option", { name: /local/i }).click();
  await page.getByLabel("Key", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Store the key" }).click();
  await page.getByText("The field api_key is missing or invalid.").waitFor();

  await page.getByLabel("Key", { exact: true }).fill("local-0123456789-wxyz");
  await page.getByRole("button", { name: "Store the key" }).click();
  await page.getByText("local, ends in wxyz. It works. Never used.").waitFor();
  const trail = page.getByRole("table", { name: "What happened to your keys" });
  await trail.getByRole("cell", { name: "Stored" }).waitFor();
  expect(await page.content()).not.toContain("local-0123");

  await page.getByRole("button", { name: "Delete the key for local" }).click();
  await page.getByText("No key is stored yet.").waitFor();
  await trail.getByRole("cell", { name: "Deleted" }).waitFor();
});
