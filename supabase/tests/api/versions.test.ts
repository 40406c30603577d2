import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  asOperator,
  endPremium,
  makePremium,
  type Person,
  signUp,
  visitor,
} from "../support/clients.ts";
import {
  call,
  libraryId,
  must,
  type StrategyDocument,
  save,
  versionNumbers,
  versionsOf,
} from "../support/documents.ts";
import { stack } from "../support/stack.ts";
import { actAs, pidOf, untilBlocked, userClaims } from "../support/transactions.ts";

/** Every committed change of content leaves one version, by whatever path it is made. Nothing else does. */

let owner: Person;
let rsi: string;
let macd: string;
const sql = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
const other = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });

beforeAll(async () => {
  owner = await signUp("owner");
  [rsi, macd] = await Promise.all([libraryId(visitor(), "RSI"), libraryId(visitor(), "MACD")]);
});

afterAll(async () => {
  await Promise.all([sql.end(), other.end()]);
});

/** A strategy at version 1 with one component, RSI. */
async function newStrategy(): Promise<string> {
  const components = [{ component_type: "entry", indicator_id: rsi, parameters: { length: 14 } }];
  return (await save(owner, { name: "Start", config: { a: 1 }, components })).strategy_id;
}

async function currentVersion(id: string): Promise<number | undefined> {
  const [row] = await sql<
    { n: number }[]
  >`select current_version as n from public.strategies where id = ${id}`;
  return row?.n;
}

describe("a change of content", () => {
  it("of a strategy or a component over the Data API leaves one version", async () => {
    const created = await must(
      owner.client.from("strategies").insert({ name: "Plain", config: {} }).select("id"),
    );
    const id = created[0]?.id ?? "";
    expect(await versionNumbers(id)).toEqual([1]);

    const components = owner.client.from("strategy_components");
    const [first] = await must(
      components
        .insert([
          {
            strategy_id: id,
            indicator_id: rsi,
            component_type: "entry",
            position: 0,
            parameters: { length: 14 },
          },
          { strategy_id: id, indicator_id: macd, component_type: "entry", position: 1 },
        ])
        .select("id"),
    );
    expect(await versionNumbers(id)).toEqual([1, 2]);
    await components.update({ parameters: { length: 21 } }).eq("id", first?.id ?? "");
    expect(await versionNumbers(id)).toEqual([1, 2, 3]);
    await components.delete().eq("id", first?.id ?? "");
    expect(await versionNumbers(id)).toEqual([1, 2, 3, 4]);
    await owner.client
      .from("strategies")
      .update({ config: { b: 2 }, timeframe: "1h" })
      .eq("id", id);

    const versions = await versionsOf(id);
    expect(
      versions.map(({ config }) => [config.version_number, config.timeframe, config.config]),
    ).toEqual([
      [1, null, {}],
      [2, null, {}],
      [3, null, {}],
      [4, null, {}],
      [5, "1h", { b: 2 }],
    ]);
    expect(
      versions.map(({ config }) => config.components.map((c) => c.parameters.length ?? null)),
    ).toEqual([[], [14, null], [21, null], [null], [null]]);
    expect(await currentVersion(id)).toBe(5);
    const document = await must(call(owner.client, "get_strategy", { strategy_id: id }));
    expect(document).toMatchObject({
      version_number: 5,
      updated_at: versions[4]?.config.updated_at,
    });
  });

  it("by SQL leaves one version of each strategy for a transaction of many statements", async () => {
    const ids = [await newStrategy(), await newStrategy()];
    await sql.begin(async (t) => {
      for (const id of ids) {
        await t`update public.strategies set name = 'Renamed' where id = ${id}`;
        await t`update public.strategy_components set parameters = '{"length": 30}' where strategy_id = ${id}`;
        await t`insert into public.strategy_components (strategy_id, user_id, indicator_id, component_type, position)
          values (${id}, ${owner.id}, ${macd}, 'exit', 0)`;
      }
    });
    for (const id of ids) {
      const versions = await versionsOf(id);
      expect(versions.map((version) => version.number)).toEqual([1, 2]);
      expect(versions[1]?.config).toMatchObject({
        name: "Renamed",
        components: [{ parameters: { length: 30 } }, { indicator_name: "MACD" }],
      });
    }
  });

  it("leaves no version when the transaction ends with the same content, or is rolled back", async () => {
    const id = await newStrategy();
    await sql.begin(async (t) => {
      await t`update public.strategies set name = 'Elsewhere' where id = ${id}`;
      await t`delete from public.strategy_components where strategy_id = ${id}`;
      await t`update public.strategies set name = 'Start' where id = ${id}`;
      await t`insert into public.strategy_components (strategy_id, user_id, indicator_id, component_type, position, parameters)
        values (${id}, ${owner.id}, ${rsi}, 'entry', 0, '{"length": 14}')`;
    });
    await sql.begin(async (t) => {
      await t
        .savepoint((s) =>
          s`update public.strategies set name = 'Lost' where id = ${id}`.then(() =>
            Promise.reject(new Error("back")),
          ),
        )
        .catch(() => {});
    });
    await sql`update public.strategies set name = name, config = '{"a": 1.0}' where id = ${id}`;
    await sql`update public.strategy_components set position = position where strategy_id = ${id}`;
    expect(await versionNumbers(id)).toEqual([1]);
    expect(await currentVersion(id)).toBe(1);
  });

  it("leaves one version even if a client sets constraints immediate", async () => {
    const id = await newStrategy();
    await sql.begin(async (t) => {
      await t`update public.strategies set name = 'Two' where id = ${id}`;
      await t`set constraints all immediate`;
      await t`update public.strategies set name = 'Three' where id = ${id}`;
      await t`update public.strategy_components set parameters = '{"length": 3}' where strategy_id = ${id}`;
      await t`set constraints all deferred`;
      await t`update public.strategies set description = 'Four' where id = ${id}`;
    });
    const versions = await versionsOf(id);
    expect(versions.map((version) => version.number)).toEqual([1, 2]);
    expect(versions[1]?.config).toMatchObject({
      name: "Three",
      description: "Four",
      version_number: 2,
      components: [{ parameters: { length: 3 } }],
    });

    await sql.begin(async (t) => {
      await t`set constraints all immediate`;
      await t`update public.strategies set name = 'Back' where id = ${id}`;
      await t`update public.strategies set name = 'Three' where id = ${id}`;
    });
    expect(await versionNumbers(id)).toEqual([1, 2]);
    expect(await currentVersion(id)).toBe(2);
    await sql`update public.strategies set name = 'On' where id = ${id}`;
    expect(await versionNumbers(id)).toEqual([1, 2, 3]);
  });

  it("leaves a version of both strategies when the operator moves a component from one to the other", async () => {
    const [from, to] = [await newStrategy(), await newStrategy()];
    await sql`update public.strategy_components set strategy_id = ${to}, position = 1 where strategy_id = ${from}`;
    expect((await versionsOf(from)).map(({ config }) => config.components.length)).toEqual([1, 0]);
    expect((await versionsOf(to)).map(({ config }) => config.components.length)).toEqual([1, 2]);
  });
});

describe("publishing, changes of owner and changes of indicators", () => {
  it("leave no version when the strategy is published or gets another owner", async () => {
    const id = await newStrategy();
    const heir = await signUp("heir");
    await owner.client.from("strategies").update({ is_public: true }).eq("id", id);
    await sql`update public.strategies set user_id = ${heir.id} where id = ${id}`;
    expect(await versionNumbers(id)).toEqual([1]);
    const seen = await must(
      heir.client.from("strategy_versions").select("version_number").eq("strategy_id", id),
    );
    expect(seen).toEqual([{ version_number: 1 }]);
  });

  it("leave no version when an indicator is renamed, hidden or deleted, and do not show as a change later", async () => {
    const author = await signUp("author");
    await makePremium(author);
    const made = await must(
      author.client
        .from("custom_indicators")
        .insert(
          ["One", "Two"].map((name) => ({
            name,
            category: "x",
            type: "entry",
            pine_script: "plot(close)",
            is_public: true,
          })),
        )
        .select("id"),
    );
    const [one, two] = made.map((row) => row.id);
    const components = [one, two].map((indicator_id) => ({
      component_type: "entry",
      is_custom: true,
      indicator_id,
    }));
    const { strategy_id: id } = await save(owner, { name: "Borrowed", config: {}, components });

    await author.client
      .from("custom_indicators")
      .update({ name: "Uno", is_public: false })
      .eq("id", one ?? "");
    await author.client
      .from("custom_indicators")
      .delete()
      .eq("id", two ?? "");
    expect(await versionNumbers(id)).toEqual([1]);

    await sql.begin(async (t) => {
      await t`update public.strategies set name = 'There' where id = ${id}`;
      await t`update public.strategies set name = 'Borrowed' where id = ${id}`;
    });
    expect(await versionNumbers(id)).toEqual([1]);

    await save(owner, { strategy_id: id, name: "Changed" });
    const versions = await versionsOf(id);
    expect(
      versions.map(({ config }) =>
        config.components.map((c) => [c.indicator_id, c.indicator_name]),
      ),
    ).toEqual([
      [
        [one, "One"],
        [two, "Two"],
      ],
      [
        [one, "One"],
        [null, "Two"],
      ],
    ]);
  });

  it("leave a version when the owner unlinks a component's indicator, which is content", async () => {
    const id = await newStrategy();
    await owner.client
      .from("strategy_components")
      .update({ indicator_id: null })
      .eq("strategy_id", id);
    expect((await versionsOf(id)).map(({ config }) => config.components[0]?.indicator_id)).toEqual([
      rsi,
      null,
    ]);
  });
});

describe("a history", () => {
  it("cannot be changed, even by the operator, except by the transaction that writes a version", async () => {
    const id = await newStrategy();
    await save(owner, { strategy_id: id, name: "Second" });
    const refused = { code: "42501" };
    await expect(
      sql`update public.strategy_versions set notes = 'Forged' where strategy_id = ${id}`,
    ).rejects.toMatchObject(refused);
    await expect(
      sql`update public.strategy_versions set version_number = 9 where strategy_id = ${id}`,
    ).rejects.toMatchObject(refused);
    await expect(
      sql`delete from public.strategy_versions where strategy_id = ${id}`,
    ).rejects.toMatchObject(refused);
    await expect(sql`truncate public.strategy_versions`).rejects.toMatchObject(refused);

    await sql.begin(async (t) => {
      await t`update public.strategies set name = 'Third' where id = ${id}`;
      await t`update public.strategy_versions set notes = 'Mine still' where strategy_id = ${id} and version_number = 3`;
      await expect(
        t.savepoint(
          (s) =>
            s`update public.strategy_versions set notes = 'Forged' where strategy_id = ${id} and version_number = 2`,
        ),
      ).rejects.toMatchObject(refused);
    });
    expect((await versionsOf(id)).map((version) => version.notes)).toEqual([
      null,
      null,
      "Mine still",
    ]);
    await expect(
      sql`update public.strategy_versions set notes = 'Too late' where strategy_id = ${id} and version_number = 3`,
    ).rejects.toMatchObject(refused);
  });

  it("is deleted with its strategy and its user, even in the transaction of a change", async () => {
    const person = await signUp("person");
    const ids = await Promise.all(
      ["a", "b"].map(
        async (name) =>
          (await save(person, { name, config: {}, components: [{ component_type: "exit" }] }))
            .strategy_id,
      ),
    );
    const [first, second] = ids as [string, string];
    await sql.begin(async (t) => {
      await t`update public.strategies set name = 'Late' where id = ${first}`;
      await t`delete from public.strategies where id = ${first}`;
    });
    await sql.begin(async (t) => {
      await t`update public.strategies set name = 'Late' where id = ${second}`;
      await t`insert into public.strategies (user_id, name, config) values (${person.id}, 'Last', '{}')`;
      await t`delete from auth.users where id = ${person.id}`;
    });
    const [left] = await sql`
      select
        (select count(*)::int from public.strategy_versions where user_id = ${person.id}) as versions,
        (select count(*)::int from public.strategies where user_id = ${person.id}) as strategies
    `;
    expect(left).toEqual({ versions: 0, strategies: 0 });
  });

  it("keeps as many of the newest versions as the plan allows, and fewer after the plan has lapsed", async () => {
    const person = await signUp("person");
    const { strategy_id: id } = await save(person, { name: "0", config: {} });
    const rename = async (from: number, to: number) => {
      for (let n = from; n <= to; n++)
        await sql`update public.strategies set name = ${String(n)} where id = ${id}`;
    };
    const range = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, n) => from + n);
    await rename(2, 50);
    expect(await versionNumbers(id)).toEqual(range(1, 50));
    await rename(51, 52);
    expect(await versionNumbers(id)).toEqual(range(3, 52));
    await makePremium(person);
    await rename(53, 60);
    expect(await versionNumbers(id)).toEqual(range(3, 60));
    await endPremium(person);
    expect(await versionNumbers(id)).toEqual(range(3, 60));
    await rename(61, 61);
    expect(await versionNumbers(id)).toEqual(range(12, 61));
  });

  it("counts on if the plan keeps only one version, and once for all statements of a transaction", async () => {
    const id = await newStrategy();
    const undone = new Error("undone");
    await expect(
      sql.begin(async (t) => {
        await t`update public.plans set max_versions = 1 where plan_type = 'free'`;
        for (const name of ["Second", "Still second"]) {
          await t`update public.strategies set name = ${name} where id = ${id}`;
          const rows = await t`
            select v.version_number, s.current_version, v.config -> 'version_number' as stored, v.config ->> 'name' as name
            from public.strategy_versions as v
            join public.strategies as s on s.id = v.strategy_id
            where v.strategy_id = ${id}
          `;
          expect([...rows]).toEqual([{ version_number: 2, current_version: 2, stored: 2, name }]);
        }
        throw undone;
      }),
    ).rejects.toBe(undone);
  });

  it("cannot be switched off by a client, who can call no function that changes a setting", async () => {
    for (const [name, value] of [
      [
        "set_config",
        { setting_name: "pinebase.strategy_writer", new_value: "import", is_local: false },
      ],
      ["pg_catalog.set_config", { parameter: "pinebase.strategy_writer", value: "import" }],
    ] as const) {
      const answer = await owner.client.rpc(name as never, value as never);
      expect(answer.error?.code).toBe("PGRST202");
    }
  });

  it("keeps the notes of a save when a later statement of its transaction changes more", async () => {
    const id = await newStrategy();
    await sql.begin(async (t) => {
      await actAs(t, userClaims(owner));
      await t`select public.save_strategy(strategy_id => ${id}, name => 'Saved', notes => 'Why it was saved')`;
      await t`update public.strategies set timeframe = '1h' where id = ${id}`;
    });
    expect(
      (await versionsOf(id)).map(({ notes, config }) => [notes, config.name, config.timeframe]),
    ).toEqual([
      [null, "Start", null],
      ["Why it was saved", "Saved", "1h"],
    ]);
  });
});

describe("concurrent changes of one strategy", () => {
  it("of sixteen saves with the same expected_version, exactly one succeeds in each round", async () => {
    const components = (n: number) => [
      { component_type: "entry", indicator_id: rsi, parameters: { length: n + 2 } },
    ];
    const { strategy_id } = await save(owner, {
      name: "Round 0",
      config: {},
      components: components(0),
    });
    const won: unknown[] = [0];
    for (let round = 1; round <= 3; round++) {
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, n) =>
          call(owner.client, "save_strategy", {
            strategy_id,
            config: { winner: round * 100 + n },
            components: components(n),
            expected_version: round,
          }),
        ),
      );
      const winners = answers.flatMap(({ data }) => (data === null ? [] : [data]));
      expect(winners.map((document) => document.version_number)).toEqual([round + 1]);
      expect(
        new Set(answers.flatMap(({ error }) => (error === null ? [] : [error.details]))),
      ).toEqual(new Set(["version_conflict"]));
      won.push(winners[0]?.config.winner);
    }
    const versions = await versionsOf(strategy_id);
    expect(versions.map((version) => version.number)).toEqual([1, 2, 3, 4]);
    expect(versions.map(({ config }) => config.config.winner ?? 0)).toEqual(won);
  });

  it("saves and direct writes all succeed, each with a version", async () => {
    const id = await newStrategy();
    const [component] = await must(
      owner.client.from("strategy_components").select("id").eq("strategy_id", id),
    );
    const answers: { error: unknown }[] = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        n % 3 === 0
          ? call(owner.client, "save_strategy", {
              strategy_id: id,
              components: [
                { component_type: "entry", indicator_id: rsi, parameters: { length: 100 + n } },
              ],
            })
          : n % 3 === 1
            ? owner.client
                .from("strategy_components")
                .update({ parameters: { length: 200 + n } })
                .eq("id", component?.id ?? "")
            : owner.client
                .from("strategies")
                .update({ name: `Written ${n}` })
                .eq("id", id),
      ),
    );
    expect(answers.filter(({ error }) => error !== null)).toEqual([]);
    const versions = await versionsOf(id);
    expect(versions.map((version) => version.number)).toEqual(
      Array.from({ length: 13 }, (_, n) => n + 1),
    );
    const contents = versions.map(
      ({ config: { name, components } }: { config: StrategyDocument }) =>
        JSON.stringify([name, components]),
    );
    expect(new Set(contents).size).toBe(13);
  });

  it("a save waits for a transaction that has locked a component, without a deadlock", async () => {
    const id = await newStrategy();
    let saved: Promise<unknown> = Promise.resolve();
    const waiter = await pidOf(other);
    await sql.begin(async (t) => {
      // A client's update locks the component first, and the strategy in a trigger.
      await t`select from public.strategy_components where strategy_id = ${id} for no key update`;
      saved = other.begin(async (o) => {
        await actAs(o, userClaims(owner));
        await o`select public.save_strategy(strategy_id => ${id}, components => '[]')`;
      });
      await asOperator((observer) => untilBlocked(observer, waiter, saved));
      await t`update public.strategy_components set parameters = '{"length": 99}' where strategy_id = ${id}`;
    });
    await saved;
    expect(
      (await versionsOf(id)).map(({ config }) => config.components[0]?.parameters ?? null),
    ).toEqual([{ length: 14 }, { length: 99 }, null]);
  });

  it("a save that waited for another compares its expected_version with the version of that one", async () => {
    const id = await newStrategy();
    let second: Promise<unknown> = Promise.resolve();
    const waiter = await pidOf(other);
    const saveAs = async (t: postgres.TransactionSql, name: string) => {
      await actAs(t, userClaims(owner));
      await t`select public.save_strategy(strategy_id => ${id}, name => ${name}, expected_version => 1)`;
    };
    await sql.begin(async (t) => {
      await saveAs(t, "First");
      second = other.begin((o) => saveAs(o, "Second")).catch((error: unknown) => error);
      await asOperator((observer) => untilBlocked(observer, waiter, second));
    });
    expect(await second).toMatchObject({ code: "PT409", detail: "version_conflict" });
    expect((await versionsOf(id)).map(({ config }) => config.name)).toEqual(["Start", "First"]);
  });
});

describe("a strategy that an operator imports with its versions", () => {
  it("gets no further version by the import, and continues the numbers of its versions afterwards", async () => {
    const id = randomUUID();
    await sql.begin(async (t) => {
      await t`set local pinebase.strategy_writer = 'import'`;
      await t`insert into public.strategies (id, user_id, name, config) values (${id}, ${owner.id}, 'Brought along', '{}')`;
      await t`insert into public.strategy_versions (strategy_id, user_id, version_number, config) values (${id}, ${owner.id}, 41, '{}')`;
      await t`insert into public.strategy_components (strategy_id, user_id, component_type, position) values (${id}, ${owner.id}, 'exit', 0)`;
      await t`update public.strategies set name = 'Renamed on the way' where id = ${id}`;
    });
    expect(await versionNumbers(id)).toEqual([41]);
    await sql`update public.strategies set name = 'Changed here' where id = ${id}`;
    expect(await versionNumbers(id)).toEqual([41, 42]);
    expect(await currentVersion(id)).toBe(42);
  });
});
