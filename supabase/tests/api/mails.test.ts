import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { signUp, visitor } from "../support/clients.ts";
import { linkFor } from "../support/mails.ts";
import { stack } from "../support/stack.ts";

/** Mails of Auth, as their recipient sees them. */

const mailsUrl = stack.MAIL_URL ?? "";

const targetOf = async (link: string) => {
  const answer = await fetch(link, { redirect: "manual" });
  return answer.headers.get("location") ?? "";
};

describe.runIf(mailsUrl !== "")("the link of a mail", () => {
  it("leads to the page that the app named, with a session that may set a new password", async () => {
    const person = await signUp();
    const page = "http://localhost:5173/new-password";
    const { error } = await person.client.auth.resetPasswordForEmail(person.email, {
      redirectTo: page,
    });
    expect(error).toBeNull();
    const [target, fragment] = (await targetOf(await linkFor(person.email))).split("#");
    expect(target).toBe(page);
    const session = new URLSearchParams(fragment);
    expect(session.get("type")).toBe("recovery");

    const client = visitor();
    await client.auth.setSession({
      access_token: session.get("access_token") ?? "",
      refresh_token: session.get("refresh_token") ?? "",
    });
    const password = `new ${randomUUID()}`;
    expect((await client.auth.updateUser({ password })).error).toBeNull();
    const { email } = person;
    expect((await visitor().auth.signInWithPassword({ email, password })).error).toBeNull();
  });

  it.each(["https://evil.test/", "http://localhost.evil.test:5173/", "javascript:alert(1)"])(
    "does not lead to %s, which config.toml does not allow",
    async (redirectTo) => {
      const person = await signUp();
      await person.client.auth.resetPasswordForEmail(person.email, { redirectTo });
      const link = await linkFor(person.email);
      expect(new URL(link).searchParams.get("redirect_to")).not.toBe(redirectTo);
      expect((await targetOf(link)).startsWith(redirectTo)).toBe(false);
    },
  );
});

describe.runIf(mailsUrl !== "")("the page of mails", () => {
  it("shows the newest mail first, as text, with its link", async () => {
    const [older, newer] = [await signUp("older"), await signUp("newer")];
    for (const { client, email } of [older, newer]) await client.auth.resetPasswordForEmail(email);
    const shown = await (await fetch(mailsUrl)).text();
    expect(shown.indexOf(newer.email)).toBeGreaterThan(0);
    expect(shown.indexOf(newer.email)).toBeLessThan(shown.indexOf(older.email));
    const link = await linkFor(newer.email);
    expect(shown).toContain(`<a href="${link.replaceAll("&", "&#38;")}">`);
  });

  it("cannot be read by pages of other origins", async () => {
    const answer = await fetch(mailsUrl, { headers: { origin: "http://localhost:5173" } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe.runIf(mailsUrl !== "")("an Auth method that the local stack does not have", () => {
  it("is refused with a message that supabase-js passes to the app", async () => {
    const { auth } = visitor();
    const answers = [
      await auth.signInAnonymously(),
      await auth.signInWithOtp({ phone: "+15550100" }),
      await auth.signUp({ phone: "+15550100", password: "a long enough password" }),
    ];
    for (const { error } of answers) {
      expect(error).toMatchObject({ code: "not_in_local_stack", status: 422 });
      expect(error?.message).toMatch(/is not part of the stack without Docker.*start:docker/);
    }
  });
});
