import { afterAll, beforeAll, expect, it } from "vitest";
import { pushMigrations, type ScratchPlatform, startScratchPlatform } from "../support/database.ts";

/** The first push to a project that has users creates an account for each of them. */

let platform: ScratchPlatform;

beforeAll(async () => {
  platform = await startScratchPlatform();
});

afterAll(() => platform?.stop());

it("users from before the first push have accounts after it; of two with one email, the single sign-on user has it", async () => {
  const url = await platform.createDatabase("backfill", "revoked");
  await platform.asAdmin(
    "backfill",
    (sql) => sql`
      insert into auth.users (id, email, is_sso_user, raw_user_meta_data, created_at)
      values
        (md5('sso')::uuid, 'shared@backfill.test', true, '{}', '2025-01-01'),
        (md5('email')::uuid, 'shared@backfill.test', false, '{"full_name": "Email"}', '2025-06-01'),
        (md5('plain')::uuid, 'plain@backfill.test', false, null, '2025-01-01'),
        (md5('anonymous')::uuid, null, false, null, '2025-01-01')
    `,
  );

  await pushMigrations(url);

  const accounts = await platform.asAdmin(
    "backfill",
    (sql) => sql`
      select u.email, u.full_name, u.credits, t.kind, t.delta, u.id = md5('sso')::uuid as by_sso
      from public.users as u
      join public.credit_transactions as t on t.user_id = u.id
      order by u.email
    `,
  );
  expect(accounts.map((row) => ({ ...row }))).toEqual([
    {
      email: "plain@backfill.test",
      full_name: null,
      credits: 5,
      kind: "opening",
      delta: 5,
      by_sso: false,
    },
    {
      email: "shared@backfill.test",
      full_name: null,
      credits: 5,
      kind: "opening",
      delta: 5,
      by_sso: true,
    },
  ]);
});
