import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { journey, newcomer, signUp, useBrowser } from "../support/browser.ts";
import { asOperator } from "../support/clients.ts";
import { linkFor } from "../support/mails.ts";
import { appUrl, stack } from "../support/stack.ts";

useBrowser();

journey("a person signs out and in again, and sees errors beside their fields", async (open) => {
  const page = await open("/sign-up");
  const person = newcomer();
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByText(/at least 8 characters/).waitFor();
  await signUp(page, person);

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Invalid login credentials").waitFor();
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "My strategies" }).waitFor();
});

journey("a forgotten password is replaced by the link in the mail", async (open) => {
  const page = await open("/sign-up");
  const person = newcomer();
  await signUp(page, person);
  await page.getByRole("button", { name: "Sign out" }).click();

  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("Email").fill(person.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await page.getByText(`If ${person.email} has an account here`).waitFor();

  await page.goto(await linkFor(person.email));
  await page.getByRole("heading", { name: "New password" }).waitFor();
  expect(new URL(page.url()).origin).toBe(appUrl);
  const password = "another long password";
  await page.getByLabel("New password").fill(password);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByRole("heading", { name: "My strategies" }).waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "My strategies" }).waitFor();
});

journey("a person exports their data, then deletes the account", async (open) => {
  const page = await open("/sign-up");
  const person = newcomer();
  await signUp(page, person);
  await page.goto("/account");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Export my data" }).click(),
  ]);
  expect(await text(await download.createReadStream())).toContain(person.email);

  const confirmation = page.getByLabel(`Type ${person.email} to delete everything that is yours`);
  await confirmation.fill("somebody@else.test");
  await page.getByRole("button", { name: "Delete the account" }).click();
  await confirmation.and(page.locator("[aria-invalid=true]")).waitFor();
  await confirmation.fill(person.email);
  await page.getByRole("button", { name: "Delete the account" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const left = await asOperator((sql) => sql`select from auth.users where email = ${person.email}`);
  expect(left).toHaveLength(0);
});

journey("a page of an origin that is not allowed cannot call the functions", async (open) => {
  const page = await open("/gallery");
  const url = `${stack.FUNCTIONS_URL}/redeem-coupon`;
  const call = (target: string) =>
    page.evaluate(
      (address) =>
        fetch(address, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: "{}",
        }).then(
          ({ status }) => `status ${status}`,
          () => "refused",
        ),
      target,
    );
  expect(await call(url)).toBe("status 401");
  // The browser resolves every name below localhost to this machine. Only localhost itself is an allowed origin.
  await page.goto(appUrl.replace("127.0.0.1", "elsewhere.localhost"));
  expect(await call(url)).toBe("refused");
});
