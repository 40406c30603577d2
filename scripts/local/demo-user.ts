import { withConnection } from "./connection.ts";
import type { Secrets } from "./secrets.ts";

/** The first user of supabase/seed.sql, which carries no password. */
export const demoEmail = "demo@pinebase.test";

/**
 * Gives the demo user the password that was made on this machine. Where the seed has no such user, one signs up.
 *
 * @param signUp POSTs to /auth/v1/signup
 */
export async function prepareDemoUser(
  adminUrl: string,
  secrets: Secrets,
  signUp: (body: { email: string; password: string; data: object }) => Promise<Response>,
): Promise<void> {
  const changed = await withConnection(
    adminUrl,
    (sql) => sql`
      update auth.users
      set
        encrypted_password = extensions.crypt(
          ${secrets.demoPassword}, extensions.gen_salt('bf', 10)
        ),
        email_confirmed_at = coalesce(email_confirmed_at, now())
      where email = ${demoEmail} and not is_sso_user
      returning id
    `,
  );
  if (changed.length > 0) return;
  const answer = await signUp({
    email: demoEmail,
    password: secrets.demoPassword,
    data: { full_name: "Demo User" },
  });
  if (!answer.ok) throw new Error(`The demo user could not sign up: ${await answer.text()}`);
}
