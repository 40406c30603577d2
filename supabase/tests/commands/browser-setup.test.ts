import { expect, it } from "vitest";
import { launchInstalled } from "../support/browser-setup.ts";

it("where no browser is installed, the browser tests say what to install", async () => {
  await expect(launchInstalled(["no-such-browser"])).rejects.toThrow(
    "The browser tests need Google Chrome or Microsoft Edge on this system. Install one of them, then run npm test again.",
  );
});
