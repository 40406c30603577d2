import { expect } from "vitest";
import { journey, newcomer, signUp, useBrowser } from "../support/browser.ts";
import { asOperator } from "../support/clients.ts";

useBrowser();

journey(
  "a person lets a model write a strategy, sees the answer arrive, and finds it saved as AI-generated",
  async (open) => {
    const page = await open("/sign-up");
    const person = newcomer();
    await signUp(page, person);
    await page.getByRole("link", { name: "Generate" }).click();
    const idea = page.getByLabel("What the strategy should do");

    // An answer that is stopped is not saved.
    await idea.fill("Answer slowly");
    await page.getByRole("button", { name: "Generate" }).click();
    const answer = page.getByRole("region", { name: "The model's answer" });
    await answer.getByText('{"name":').waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("You have stopped the generation.").waitFor();

    await idea.fill("Buy bitcoin when it is oversold, on 4h bars");
    await page.getByRole("button", { name: "Generate" }).click();
    await page.getByRole("heading", { name: "Buy what is oversold" }).waitFor();
    await page.getByText("AI", { exact: true }).waitFor();
    const entry = page.getByRole("region", { name: "Entry" });
    await entry.getByRole("button", { name: /^RSI.*oversold 25/ }).waitFor();
    const saved = await asOperator(
      (sql) => sql`
        select s.name, s.market_type, s.timeframe, s.is_ai_generated
        from public.strategies as s join public.users as u on u.id = s.user_id
        where u.email = ${person.email}
      `,
    );
    expect([...saved]).toEqual([
      {
        name: "Buy what is oversold",
        market_type: "crypto",
        timeframe: "4h",
        is_ai_generated: true,
      },
    ]);
    // Both calls used the operator's key, at one credit each.
    await page.getByRole("link", { name: "3 credits" }).waitFor();

    // Without a stored key and without an operator's key, the page names what is missing.
    await page.goto("/generate");
    await idea.fill("Anything");
    await page.getByRole("combobox", { name: "Provider" }).click();
    await page.getByRole("option", { name: "OpenAI" }).click();
    await page.getByRole("button", { name: "Generate" }).click();
    await page.getByRole("alert").getByText(/key/).waitFor();
  },
);
