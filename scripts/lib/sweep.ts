import type postgres from "postgres";
import { z } from "zod";

const sweptSchema = z.looseObject({
  months_granted: z.number(),
  ledger_disagreements: z.array(z.unknown()),
});

/** What one run of the sweep reports: numbers of rows, and the ledgers that disagree. */
export type Swept = z.output<typeof sweptSchema>;

/** The number of months that one run grants at most. A run that grants fewer has left nothing that is due. */
const fullBatch = 20;

/** Runs the sweep until nothing is due any more. Each run is one transaction, whose report is yielded. */
export async function* sweepAll(sql: postgres.Sql): AsyncGenerator<Swept> {
  for (;;) {
    const [row] = await sql`select public.sweep() as swept`;
    const swept = sweptSchema.parse(row?.swept);
    yield swept;
    if (swept.months_granted < fullBatch) return;
  }
}
