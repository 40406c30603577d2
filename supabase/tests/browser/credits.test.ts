import { journey, signUp, useBrowser } from "../support/browser.ts";

useBrowser();

journey(
  "a person spends credits, and sees the balance, the ledger and the chart change",
  async (open) => {
    const page = await open("/sign-up");
    await signUp(page);
    await page.goto("/credits");
    const ledger = page.getByRole("table", { name: "Ledger" });
    await ledger.getByRole("row", { name: /Opening credits \+5 5/ }).waitFor();
    await page.getByLabel("What for").fill("An idea");
    await page.getByRole("button", { name: "Spend one credit" }).click();
    await page.getByText("One credit is spent. You have 4.").waitFor();
    await ledger.getByRole("row", { name: /An idea -1 4/ }).waitFor();
    await page.getByRole("link", { name: "4 credits" }).waitFor();
    await page.locator(".recharts-area-curve").waitFor();

    for (let left = 3; left >= 0; left -= 1) {
      await page.getByRole("button", { name: "Spend one credit" }).click();
      await page.getByText(`One credit is spent. You have ${left}.`).waitFor();
    }
    await page.getByRole("button", { name: "Spend one credit" }).click();
    await page
      .getByRole("alert")
      .getByText(/credits/)
      .waitFor();
  },
);
