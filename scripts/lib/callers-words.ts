/** Names our commands as the person at the terminal calls them: in an app's project, by `npx pinebase`. */
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
