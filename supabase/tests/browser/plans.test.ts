import { journey, signUp, useBrowser } from "../support/browser.ts";

useBrowser();

journey("a person sees the plans and redeems a coupon", async (open) => {
  const page = await open("/sign-up", {
    viewport: { width: 390, height: 844 },
    colorScheme: "dark",
  });
  await signUp(page);
  await page.goto("/plans");
  await page.getByText("Your plan", { exact: true }).first().waitFor();
  await page.getByLabel("Coupon").fill("NO-SUCH-CODE");
  await page.getByRole("button", { name: "Redeem" }).click();
  await page.getByLabel("Coupon").and(page.locator("[aria-invalid=true]")).waitFor();
  await page.getByLabel("Coupon").fill("welcome-20");
  await page.getByRole("button", { name: "Redeem" }).click();
  await page.getByText("WELCOME-20: 20 % off your next checkout.").waitFor();
});
