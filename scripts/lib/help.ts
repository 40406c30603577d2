/** What a command of `npm run` or `npx pinebase` does and which arguments it takes. */
interface CommandHelp {
  summary: string;
  usage: string;
  options?: readonly string[];
}

/** The help of each command, by the name of its file. */
const commands: Record<string, CommandHelp> = {
  add: {
    summary:
      "Copies the migrations, their rollbacks, the functions and their settings into supabase/.",
    usage: "npx pinebase add [--dry-run]",
    options: ["--dry-run  shows what would be written"],
  },
  push: {
    summary: "Checks the migrations, then runs supabase db push.",
    usage: "npx pinebase push [--remote=postgresql://...] [--dry-run] [--yes]",
    options: ["--remote  the database; without it, the linked project"],
  },
  start: {
    summary: "Runs the whole backend on this machine until Ctrl-C.",
    usage: "npm start -- [--port N] [--dir PATH] [--default-privileges granted|revoked]",
    options: [
      "--port  port of the API; 0 takes free ports for everything",
      "--dir   folder for data and status; without it, .pinebase",
      "--default-privileges  whether new objects in public are granted to the API roles",
    ],
  },
  reset: {
    summary: "Deletes the local data.",
    usage: "npm run reset -- [--yes] [--dir PATH]",
    options: ["--yes  does not ask for confirmation"],
  },
  rollback: {
    summary: "Rolls back the newest migrations, in one transaction.",
    usage:
      "npm run db:rollback -- [--last N | --to VERSION] [--remote=URL | --dir PATH] [--dry-run] [--yes]",
    options: [
      "--last     how many migrations; without it and --to, 1",
      "--to       the version that is the newest one afterwards",
      "--remote   the database; without it, the stack that runs on this machine",
      "--dry-run  shows what would be rolled back",
      "--yes      does not ask for confirmation",
    ],
  },
  "start-docker": {
    summary: "Runs supabase start, with Realtime, Storage and Studio. Needs Docker.",
    usage: "npm run start:docker",
  },
  test: {
    summary: "Runs the tests, on a stack that is started for them.",
    usage: "npm test -- [WORD ...]",
    options: ["WORD  runs only the files whose path contains it"],
  },
  lint: {
    summary: "Runs the linters, the type checks and the checks of generated files.",
    usage: "npm run lint -- [--fix]",
    options: ["--fix  formats first"],
  },
  "db-diff": {
    summary:
      "Writes the migration, and its rollback, that makes the migrations agree with the schema files in supabase/schemas.",
    usage: "npm run db:diff -- NAME | --first",
    options: [
      "NAME     the name of the migration, such as strategy_tags",
      "--first  writes all migrations anew; only while none is published",
    ],
  },
  "db-push": {
    summary: "Checks the migrations, then runs supabase db push.",
    usage: "npm run db:push -- --remote=postgresql://... [--dry-run] [--yes]",
  },
  "gen-types": {
    summary: "Writes types/database.types.ts from the schema.",
    usage: "npm run gen:types",
  },
  docs: { summary: "Writes the references in docs/.", usage: "npm run docs" },
  build: { summary: "Builds the npm package into dist/.", usage: "npm run build" },
  bench: {
    summary: "Measures this schema against plain SQL statements and comparable packages.",
    usage: "npm run bench -- [--rows N] [--rounds N] [--seconds N] [--out FOLDER]",
    options: [
      "--rows     number of strategies in the data set",
      "--rounds   how often each side is measured",
      "--seconds  length of one round",
      "--out      folder for the results; without it, bench",
    ],
  },
  smoke: {
    summary: "Checks a deployed project with the requests of a visitor.",
    usage:
      "npm run smoke -- --url https://REF.supabase.co --key PUBLISHABLE_KEY [--without FUNCTION ...]",
    options: ["--without  a function that this project does not deploy; may be repeated"],
  },
  "billing-overview": {
    summary:
      "Shows revenue and what needs attention. The exit code is 1 if something needs attention.",
    usage:
      "npm run billing:overview -- [--json] [--dismiss KIND:PROVIDER:REFERENCE ...] [--remote=URL | --dir PATH]",
    options: [
      "--json     prints one JSON object instead of tables",
      "--dismiss  marks an item as seen; may be repeated",
    ],
  },
  "billing-reconcile": {
    summary: "Reads every subscription and payment since a time from the providers and applies it.",
    usage: "npm run billing:reconcile -- --since 40d [--remote=URL | --dir PATH]",
    options: ["--since  days or hours, such as 40d or 12h, or a date"],
  },
  "billing-lives": {
    summary: "Plays random lives of customers and compares them with the billing reference.",
    usage: "npm run billing:lives -- [--count N] [--seed N]",
  },
  "stripe-setup": {
    summary: "Finds or creates the products, prices, portal and webhook at Stripe.",
    usage:
      "npm run stripe:setup -- [--amount TYPE:CURRENCY=CENTS ...] [--currency usd] [--webhook-url URL] [--dry-run] [--yes] [--remote=URL | --dir PATH]",
    options: [
      "--amount       price of a plan or pack in the currency's smallest unit; may be repeated; a changed amount creates a new price",
      "--currency     currency of amounts that name none; without it, usd",
      "--webhook-url  URL of the function stripe-webhook; its secret is printed once",
    ],
  },
  "webhooks-replay": {
    summary: "Applies webhook events that failed.",
    usage:
      "npm run webhooks:replay -- [--event ID] [--provider stripe|paypal] [--dry-run] [--remote=URL | --dir PATH]",
  },
  sweep: {
    summary: "Does what has become due by time.",
    usage: "npm run sweep -- [--remote=URL | --dir PATH]",
  },
  "complete-lock": {
    summary: "Adds the builds for other platforms that npm left out of package-lock.json.",
    usage: "npm run complete-lock",
  },
};

/** Whether the arguments request help. */
export function requestsHelp(args: readonly string[]): boolean {
  return args.some((arg) => arg === "--help" || arg === "-h");
}

/** The command's summary, usage and options. */
export function helpOf(command: string): string {
  const options = commands[command]?.options?.map((line) => `  ${line}`) ?? [];
  return [summaryOf(command), "", usageOf(command), ...options].join("\n");
}

/** One sentence about what a command does. */
export function summaryOf(command: string): string {
  return commands[command]?.summary ?? `There is no help for ${command}.`;
}

/** The line that shows how to call a command. */
export function usageOf(command: string): string {
  return `Usage: ${commands[command]?.usage ?? `npm run ${command}`}`;
}
