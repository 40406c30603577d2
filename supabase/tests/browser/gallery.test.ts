import { expect } from "vitest";
import { choose, journey, signUp, useBrowser } from "../support/browser.ts";

useBrowser();

journey(
  "a person publishes a strategy under a public name, and another finds, reads and forks it",
  async (open) => {
    const [author, reader] = await Promise.all([open("/sign-up"), open("/sign-up")]);
    await Promise.all([signUp(author), signUp(reader)]);
    const publicName = `Ada ${Date.now()}`;
    const name = `Zebra crossing ${Date.now()}`;

    await author.goto("/strategies/new");
    await author.getByLabel("Name").fill(name);
    await choose(author, "Stop loss", "ATR Stop");
    await author.getByRole("button", { name: "Save" }).click();
    await author.getByText("Saved as version 1.").waitFor();
    await author.getByLabel("Published").click();
    await author.getByLabel("Public name").fill(publicName);
    await author.getByRole("button", { name: "Publish" }).click();
    await author.getByText("Everybody can see it in the gallery.").waitFor();

    await reader.goto("/gallery");
    await reader.getByLabel("Search").fill(name);
    const card = reader.getByRole("link", { name });
    await card.getByText(`by ${publicName}`).waitFor();
    await card.getByText("0 forks").waitFor();
    await card.click();
    await reader.getByRole("region", { name: "Stop loss" }).getByText("ATR Stop").waitFor();
    await reader.getByRole("button", { name: "Fork" }).click();
    await reader.getByText("The copy is yours.").waitFor();
    await reader.getByRole("heading", { name }).waitFor();
    expect(await reader.getByLabel("Published").isChecked()).toBe(false);

    await author.goto("/gallery");
    await author.getByLabel("Search").fill(name);
    await author.getByRole("link", { name }).getByText("1 fork").waitFor();
    // Once it is unpublished, the other person does not find it any more.
    await author.goto("/");
    await author.getByRole("link", { name }).click();
    await author.getByLabel("Published").click();
    await author.getByText("Only you can see it now.").waitFor();
    await reader.goto("/gallery");
    await reader.getByLabel("Search").fill(name);
    await reader.getByText("No published strategy matches this search.").waitFor();
  },
);
