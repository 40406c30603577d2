/** What each command of `npm run` or `npx pinebase` does and takes, by the name of its file. */
const commands: Record<string, { summary: string; usage: string; options?: readonly string[] }> = {
  add: {
    summary:
      "Copies the migrations, their rollbacks, the functions and their settings into supabase/.",
    usage: "npx pinebase add [--dry-run]",
    options: ["--dry-run  shows what would be written"],
  },
  push: {
    summary: "Runs supabase db push, with the checks before it.",
    usage: "npx pinebase push [--remote=postgresql://...] [--dry-run] [--yes]",
    options: ["--remote  a database; without it the linked project"],
  },
  start: {
    summary: "Runs the whole backend on this machine until Ctrl-C.",
    usage: "npm start -- [--port N] [--dir PATH] [--default-privileges granted|revoked]",
    options: [
      "--port  of the API; 0 takes free ports for everything",
      "--dir   keeps data and status in this folder; .pinebase without it",
      "--default-privileges  whether new objects in public are granted to the API roles",
    ],
  },
  reset: {
    summary: "Deletes the local data.",
    usage: "npm run reset -- [--yes] [--dir PATH]",
    options: ["--yes  asks nothing"],
  },
  rollback: {
    summary: "Takes migrations back, newest first, in one transaction.",
    usage: "npm run db:rollback -- --last N | --to VERSION [--remote=URL] [--dry-run] [--yes]",
  },
  "start-docker": {
    summary: "Runs supabase start, with Realtime, Storage and Studio, where Docker runs.",
    usage: "npm run start:docker",
  },
  test: {
    summary: "Runs the tests on a stack of their own.",
    usage: "npm test -- [WORD ...]",
    options: ["WORD  only the files whose path contains it"],
  },
  lint: {
    summary: "Runs the linters, the type checks and the checks of generated files.",
    usage: "npm run lint -- [--fix]",
    options: ["--fix  formats first"],
  },
  "db-diff": {
    summary:
      "Writes the migration, and its rollback, from the migrations to the schema files in supabase/schemas.",
    usage: "npm run db:diff -- NAME | --first",
    options: [
      "NAME     of the migration, as in strategy_tags",
      "--first  writes all migrations anew, for as long as none is published",
    ],
  },
  "db-push": {
    summary: "Runs supabase db push, with the checks before it.",
    usage: "npm run db:push -- --remote=postgresql://... [--dry-run] [--yes]",
  },
  "gen-types": {
    summary: "Writes types/database.types.ts from the schema.",
    usage: "npm run gen:types",
  },
  docs: { summary: "Writes the references in docs/.", usage: "npm run docs" },
  build: { summary: "Builds the npm package into dist/.", usage: "npm run build" },
  bench: {
    summary: "Measures this schema against the bare statements and its peers.",
    usage: "npm run bench -- [--rows N] [--rounds N] [--seconds N] [--out FOLDER]",
  },
  smoke: {
    summary: "Asks a deployed project what a visitor would.",
    usage: "npm run smoke -- --url URL --key PUBLISHABLE_KEY [--without FUNCTION ...]",
  },
  "billing-overview": {
    summary:
      "Shows what the business earns and what needs attention; ends with 1 where something does.",
    usage: "npm run billing:overview -- [--json] [--remote=URL] [--dir PATH]",
    options: [
      "--json     one JSON object in the place of tables",
      "--dismiss KIND:PROVIDER:REFERENCE  marks an item as seen; may be repeated",
    ],
  },
  "billing-reconcile": {
    summary: "Reads every subscription and payment since then from the providers and applies them.",
    usage: "npm run billing:reconcile -- --since 40d [--remote=URL]",
  },
  "billing-lives": {
    summary: "Plays random lives of customers against the reference of the billing rules.",
    usage: "npm run billing:lives -- [--count N] [--seed N]",
  },
  "stripe-setup": {
    summary: "Makes or finds products, prices, the portal and the webhook at Stripe.",
    usage:
      "npm run stripe:setup -- --amount TYPE:CURRENCY=CENTS ... [--webhook-url URL] [--dry-run] [--yes] [--remote=URL] [--dir PATH]",
    options: [
      "--amount       of a plan or pack, in the smallest unit; may be repeated; another amount than before makes a new price",
      "--currency     of amounts that name none; usd without it",
      "--webhook-url  of the function stripe-webhook; the secret is printed once",
    ],
  },
  "webhooks-replay": {
    summary: "Finishes webhook events that failed.",
    usage: "npm run webhooks:replay -- [--remote=URL] [--event ID] [--dry-run]",
  },
  sweep: {
    summary: "Does what time makes due.",
    usage: "npm run sweep -- [--remote=URL] [--dir PATH]",
  },
  "complete-lock": {
    summary: "Adds the builds for other platforms that npm left out to package-lock.json.",
    usage: "npm run complete-lock",
  },
};

/** Whether somebody asks what a command does. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.some((arg) => arg === "--help" || arg === "-h");
}

/** What a command does and takes. */
export function helpOf(command: string): string {
  const known = commands[command];
  if (!known) return `There is no help for ${command}.`;
  const options = known.options?.map((line) => `  ${line}`) ?? [];
  return [known.summary, "", `Usage: ${known.usage}`, ...options].join("\n");
}
