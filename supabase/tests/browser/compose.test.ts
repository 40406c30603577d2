import type { Page } from "playwright-core";
import { expect } from "vitest";
import { choose, drag, journey, newcomer, signUp, useBrowser } from "../support/browser.ts";
import { asOperator } from "../support/clients.ts";

useBrowser();

journey(
  "a person signs up, composes a strategy by choosing and by dragging, and saves it",
  async (open) => {
    const page = await open("/sign-up");
    const person = newcomer();
    await signUp(page, person);
    await page.getByRole("link", { name: "New strategy" }).click();

    // By the keyboard, with the button of a slot.
    await choose(page, "Entry", "RSI");
    const entry = page.getByRole("region", { name: "Entry" });

    // By dragging from the library.
    const library = page.getByRole("complementary", { name: "Library" });
    await library.getByLabel("Search the library").fill("ADX");
    // The list moves until the search is done.
    await library.getByText("1 indicator", { exact: true }).waitFor();
    const trend = page.getByRole("region", { name: "Trend" });
    await drag(page, library.getByText("ADX", { exact: true }), trend);
    await trend.getByRole("button", { name: /^ADX/ }).waitFor();

    // The form has the titles and defaults of the parameter schema, and shows a violated bound at its field.
    await entry.getByRole("button", { name: /^RSI/ }).click();
    const length = entry.getByRole("textbox", { name: "Length" });
    expect(await length.inputValue()).toBe("14");
    await length.fill("501");
    await entry.getByText("Must be at most 500.").waitFor();
    expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    await length.fill("21");

    // An error of the database is shown at the field that it names.
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Give the strategy a name of 1 to 200 characters.").waitFor();
    await page.getByLabel("Name").fill("Momentum");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved as version 1.").waitFor();
    await page.getByRole("heading", { name: "Momentum" }).waitFor();

    const saved = await asOperator(
      (sql) => sql`
      select c.component_type, c.indicator_name, c.parameters ->> 'length' as length
      from public.strategy_components as c
      join public.users as u on u.id = c.user_id
      where u.email = ${person.email}
      order by c.component_type
    `,
    );
    expect([...saved]).toMatchObject([
      { component_type: "entry", indicator_name: "RSI", length: "21" },
      { component_type: "trend", indicator_name: "ADX" },
    ]);
    await picture(page);
  },
);

/** Takes the README's screenshot, if PINEBASE_PICTURE names a file for it. */
async function picture(page: Page): Promise<void> {
  const path = process.env.PINEBASE_PICTURE;
  if (!path) return;
  await page.getByRole("button", { name: /^RSI/ }).click();
  await page.getByRole("textbox", { name: "Length" }).waitFor();
  await page.getByText("Saved as version 1.").waitFor({ state: "hidden" });
  await page.setViewportSize({ width: 1280, height: 960 });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path });
}
