import { expect, it } from "vitest";
import { launchInstalled } from "../support/browser-setup.ts";

it("the browser tests name the browsers that can be installed when none is found", async () => {
  await expect(launchInstalled(["no-such-browser"])).rejects.toThrow(
    "The browser tests need Google Chrome or Microsoft Edge on this system. Install one of them, then run npm test again.",
  );
});
