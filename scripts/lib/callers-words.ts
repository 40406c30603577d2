/** Replaces the names of our commands in a text: in an app's project, they are called by `npx pinebase`. */
export function inCallersWords(text: string): string {
  if (process.env.PINEBASE_PROJECT_DIR === undefined) return text;
  return text
    .replaceAll("npm run start:docker", "npx supabase start")
    .replaceAll(
      /npm (?:run )?(?:db:)?(start|reset|push|rollback)\b(?: --(?= ))?/g,
      "npx pinebase $1",
    )
    .replaceAll("npm ci", "npm install");
}
