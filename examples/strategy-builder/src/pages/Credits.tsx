import { AreaChart } from "@mantine/charts";
import { SimpleGrid, Table, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { CreditKind, Tables } from "pinebase";
import { spendCredit, useAccount, useLedger } from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { Loaded, Moment, PageHead, Section } from "../parts.tsx";

const kinds: Record<CreditKind, string> = {
  opening: "Starting credits",
  consume: "Spent",
  refund: "Refund",
  grant: "Granted",
  subscription: "Subscription",
  purchase: "Bought",
  reversal: "Taken back",
  import: "Imported",
};

/** The balance, its history and the ledger. */
export function CreditsPage() {
  const ledger = useLedger();
  return (
    <>
      <PageHead title="Credits" />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" mb="xl">
        <Spend />
        <Section title="Over time">
          <Loaded query={ledger}>{(rows) => <History rows={rows} />}</Loaded>
        </Section>
      </SimpleGrid>
      <Section title="Ledger">
        <Loaded query={ledger}>{(rows) => <Ledger rows={rows} />}</Loaded>
      </Section>
    </>
  );
}

function Spend() {
  const account = useAccount();
  const spending = useBackendForm({
    initialValues: { reason: "" },
    submit: ({ reason }) => spendCredit(reason.trim() || null),
    onSuccess: ({ balance }, form) => {
      notifications.show({ message: `One credit is spent. You have ${balance}.` });
      form.reset();
    },
  });
  return (
    <Section title="You have">
      <Text fz={40} fw={700} lh={1}>
        {account.data?.credits ?? "…"}
      </Text>
      <BackendForm of={spending} action="Spend one credit">
        <TextInput label="What for" {...spending.form.getInputProps("reason")} />
      </BackendForm>
    </Section>
  );
}

type LedgerRow = Pick<
  Tables<"credit_transactions">,
  "id" | "created_at" | "kind" | "delta" | "balance_after" | "reason"
>;

function History({ rows }: { rows: LedgerRow[] }) {
  const data = rows
    .map(({ created_at, balance_after }) => ({
      at: Date.parse(created_at),
      balance: balance_after,
    }))
    .reverse();
  return (
    <AreaChart
      h={220}
      data={[...data, { at: Date.now(), balance: data.at(-1)?.balance ?? 0 }]}
      dataKey="at"
      series={[{ name: "balance", label: "Credits", color: "teal.6" }]}
      curveType="stepAfter"
      xAxisProps={{
        type: "number",
        scale: "time",
        domain: ["dataMin", "dataMax"],
        tickFormatter: (at) => new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short" }),
      }}
      yAxisProps={{ allowDecimals: false }}
      tooltipProps={{ labelFormatter: (at) => new Date(Number(at)).toLocaleString() }}
      accessibilityLayer
    />
  );
}

function Ledger({ rows }: { rows: LedgerRow[] }) {
  return (
    <Table
      aria-label="Ledger"
      data={{
        head: ["When", "What", "Change", "Balance"],
        body: rows.map(({ id, created_at, kind, delta, balance_after, reason }) => [
          <Moment key={id} at={created_at} />,
          <>
            {kinds[kind]}
            <Text size="xs" c="dimmed">
              {reason}
            </Text>
          </>,
          delta > 0 ? `+${delta}` : delta,
          balance_after,
        ]),
      }}
    />
  );
}
