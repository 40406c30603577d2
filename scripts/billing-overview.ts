import { z } from "zod";
import { callRpc, type RpcClient } from "../supabase/functions/_shared/supabase/rpc.ts";
import {
  type BillingAttentionItem,
  type BillingOverview,
  billingAttentionSchema,
  billingOverviewSchema,
} from "../types/documents.ts";
import { readArguments, usageError } from "./lib/arguments.ts";
import { directRpc, resultOf, withServiceDatabase } from "./lib/service-database.ts";
import { textTable } from "./lib/text-table.ts";
import { UserError } from "./lib/user-error.ts";

/**
 * `npm run billing:overview`: prints the figures of the business and everything that needs a person's attention, as tables
 * or, with `--json`, as one JSON object. The exit code is 1 if something needs attention, so that a scheduler can send a
 * mail.
 */
export async function run(args: string[]): Promise<number> {
  const { json, dismiss, ...choice } = parse(args);
  return withServiceDatabase(choice, async (sql) => {
    const database = directRpc(sql);
    for (const item of dismiss) {
      await dismissItem(database, item);
      if (!json) console.log(`Dismissed ${item}.`);
    }
    const overview = resultOf(
      await callRpc(database, "billing_overview", {}, billingOverviewSchema),
    );
    const attention = await readAttention(database);
    if (json) {
      console.log(JSON.stringify({ ...overview, attention }, null, 2));
    } else {
      for (const line of [...figuresOf(overview), ...linesOf(attention)]) console.log(line);
    }
    return attention.length === 0 ? 0 : 1;
  });
}

async function readAttention(database: RpcClient): Promise<BillingAttentionItem[]> {
  const items: BillingAttentionItem[] = [];
  let cursor: string | null = null;
  do {
    const page: z.output<typeof billingAttentionSchema> = resultOf(
      await callRpc(
        database,
        "billing_attention",
        { page_size: 100, cursor },
        billingAttentionSchema,
      ),
    );
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

const dismissedSchema = z.object({ dismissed: z.boolean() });

async function dismissItem(database: RpcClient, text: string): Promise<void> {
  const [, kind, provider, reference] = /^([a-z_]+):([a-z]*):(.+)$/.exec(text) ?? [];
  if (kind === undefined) {
    throw usageError("billing-overview", `"${text}" is not KIND:PROVIDER:REFERENCE.`);
  }
  const item = { kind, provider, reference };
  const { dismissed } = resultOf(
    await callRpc(database, "dismiss_billing_attention", item, dismissedSchema),
  );
  if (dismissed) return;
  throw new UserError(
    `No item ${text} can be dismissed.`,
    "Copy KIND:PROVIDER:REFERENCE from the list. An item that still has its cause disappears only with that cause.",
  );
}

function figuresOf(overview: BillingOverview): string[] {
  const currencies = [
    ["Currency", "Monthly revenue", "Active", "Trialing", "Past due"],
    ...overview.by_currency.map(({ currency, mrr, active, trialing, past_due }) => [
      currency,
      amountOf(mrr, currency),
      ...[active, trialing, past_due].map(String),
    ]),
  ];
  const plans = [
    ["Plan", "Active", "Trialing", "Past due", "Granted"],
    ...overview.by_plan.map(({ plan_type, active, trialing, past_due, manual }) => [
      plan_type,
      ...[active, trialing, past_due, manual].map(String),
    ]),
  ];
  const figures = [
    ["New subscriptions in 30 days", String(overview.new_30d)],
    ["Ended in 30 days", String(overview.ended_30d)],
    ["Refunds in 30 days", String(overview.refunded_30d)],
    ["Disputes in 30 days", String(overview.disputed_30d)],
    ["Failed payments in 30 days", String(overview.failed_payments_30d)],
    ["Credits outstanding", String(overview.credits_outstanding)],
    ["Last sweep", agoOf(overview.sweep_age_s)],
    ["Last webhook", agoOf(overview.last_webhook_age_s)],
  ];
  return [
    ...(overview.by_currency.length === 0
      ? ["There is no subscription yet."]
      : [...textTable(currencies), "", ...textTable(plans)]),
    "",
    ...textTable(figures),
    "",
  ];
}

function linesOf(items: readonly BillingAttentionItem[]): string[] {
  if (items.length === 0) return ["Nothing needs attention."];
  return [
    `${items.length} ${items.length === 1 ? "thing needs" : "things need"} attention:`,
    ...items.flatMap(({ kind, provider, reference, since, user_id, reason, remedy }) => [
      "",
      `${kind}:${provider ?? ""}:${reference}`,
      `  since ${since.slice(0, 16).replace("T", " ")}${user_id === null ? "" : `, user ${user_id}`}`,
      `  ${reason}`,
      `  ${remedy}`,
    ]),
  ];
}

/** An amount in the smallest unit as a decimal number: 900 usd are 9.00. */
function amountOf(amount: number, currency: string): string {
  const { maximumFractionDigits: digits = 2 } = new Intl.NumberFormat("en", {
    style: "currency",
    currency,
  }).resolvedOptions();
  return (amount / 10 ** digits).toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function agoOf(seconds: number | null): string {
  if (seconds === null) return "never";
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h ago`
    : `${Math.round(seconds / 86_400)} days ago`;
}

function parse(args: string[]) {
  return readArguments("billing-overview", {
    args,
    options: {
      json: { type: "boolean", default: false },
      dismiss: { type: "string", multiple: true, default: [] },
      remote: { type: "string" },
      dir: { type: "string" },
    },
  }).values;
}
