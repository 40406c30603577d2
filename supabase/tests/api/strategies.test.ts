import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { beforeAll, describe, expect, it } from "vitest";
import { columnValues } from "../../../types/database.types.ts";
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
  refusal,
  type StrategyDocument,
  save,
  versionNumbers,
  versionsOf,
} from "../support/documents.ts";
import { stack } from "../support/stack.ts";
import { actAs, pidOf, untilBlocked, userClaims } from "../support/transactions.ts";

/** Strategies as an app composes, saves, shares and lists them. */

let ada: Person;
let bob: Person;
let rsi: string;
let macd: string;
let adx: string;
let atrStop: string;

beforeAll(async () => {
  [ada, bob] = await Promise.all([signUp("ada"), signUp("bob")]);
  rsi = await libraryId(visitor(), "RSI");
  macd = await libraryId(visitor(), "MACD");
  adx = await libraryId(visitor(), "ADX");
  atrStop = await libraryId(visitor(), "ATR Stop");
});

const entry = (indicator_id: string, parameters: object = {}) => ({
  component_type: "entry",
  indicator_id,
  parameters,
});

const fourComponents = () => [
  { component_type: "trend", indicator_id: adx },
  entry(rsi, { length: 21 }),
  entry(macd),
  { component_type: "stop_loss", indicator_id: atrStop, parameters: { multiplier: 2.5 } },
];

describe("save_strategy", () => {
  it("creates a strategy as version 1, with its components ordered by type and position", async () => {
    const saved = await save(ada, {
      name: "Composed",
      config: { risk: 0.01 },
      components: fourComponents(),
      description: "By hand",
      market_type: "crypto",
      timeframe: "4h",
      is_ai_generated: true,
      notes: "First",
    });
    expect(saved).toMatchObject({
      name: "Composed",
      config: { risk: 0.01 },
      description: "By hand",
      market_type: "crypto",
      timeframe: "4h",
      is_public: false,
      is_ai_generated: true,
      version_number: 1,
    });
    expect(saved.components.map((c) => [c.component_type, c.position, c.indicator_name])).toEqual([
      ["entry", 0, "RSI"],
      ["entry", 1, "MACD"],
      ["stop_loss", 0, "ATR Stop"],
      ["trend", 0, "ADX"],
    ]);
    expect(await versionsOf(saved.strategy_id)).toMatchObject([{ number: 1, notes: "First" }]);
  });

  it("returns parameters with defaults filled in, but stores them without in the version", async () => {
    const saved = await save(ada, {
      name: "Defaults",
      config: {},
      components: [entry(rsi, { length: 21 })],
    });
    expect(saved.components[0]?.parameters).toEqual({
      length: 21,
      source: "close",
      overbought: 70,
      oversold: 30,
    });
    const [version] = await versionsOf(saved.strategy_id);
    expect(version?.config.components[0]?.parameters).toEqual({ length: 21 });
    expect(version?.config).toMatchObject({
      strategy_id: saved.strategy_id,
      name: "Defaults",
      version_number: 1,
    });
  });

  it("keeps what is omitted or null, clears a description with '' and the components with []", async () => {
    const first = await save(ada, {
      name: "Partial",
      config: { a: 1 },
      components: fourComponents(),
      description: "Stays",
      timeframe: "1d",
      is_public: true,
    });
    const id = first.strategy_id;
    const second = await save(ada, {
      strategy_id: id,
      name: "Renamed",
      config: null,
      components: null,
      description: null,
    });
    const { name, version_number, updated_at, ...rest } = second;
    expect([name, version_number]).toEqual(["Renamed", 2]);
    expect(rest).toEqual(
      Object.fromEntries(
        Object.entries(first).filter(
          ([key]) => !["name", "version_number", "updated_at"].includes(key),
        ),
      ),
    );
    expect(updated_at > first.updated_at).toBe(true);

    const third = await save(ada, { strategy_id: id, description: "" });
    expect(third).toMatchObject({ description: null, timeframe: "1d", version_number: 3 });
    expect(third.components).toHaveLength(4);
    const fourth = await save(ada, { strategy_id: id, components: [] });
    expect(fourth).toMatchObject({ components: [], config: { a: 1 }, version_number: 4 });
  });

  it("changes nothing and writes no version when a strategy is saved as it was read", async () => {
    const saved = await save(ada, {
      name: "Again",
      config: { a: 1 },
      components: fourComponents(),
    });
    const { config, components, name, strategy_id } = saved;
    const again = await save(ada, { strategy_id, name, config, components, notes: "Nothing new" });
    expect(again).toEqual(saved);
    expect(await versionNumbers(strategy_id)).toEqual([1]);
  });

  it("replaces components by position, and keeps the rows of unchanged ones", async () => {
    const saved = await save(ada, { name: "Rows", config: {}, components: fourComponents() });
    const rowOf = async (type: string) => {
      const rows = await must(
        ada.client
          .from("strategy_components")
          .select("id")
          .eq("strategy_id", saved.strategy_id)
          .eq("component_type", type),
      );
      return rows.map((row) => row.id);
    };
    const before = await rowOf("stop_loss");
    const [first, , stop] = saved.components;
    const changed = await save(ada, {
      strategy_id: saved.strategy_id,
      components: [
        { ...first, indicator_id: macd, parameters: {} },
        stop,
        { component_type: "exit" },
      ],
    });
    expect(
      changed.components.map((c) => [c.component_type, c.indicator_name, c.indicator_id]),
    ).toEqual([
      ["entry", "MACD", macd],
      ["exit", null, null],
      ["stop_loss", "ATR Stop", atrStop],
    ]);
    expect(await rowOf("stop_loss")).toEqual(before);
  });

  it("keeps a component whose indicator has become private, changeable but without the indicator's defaults", async () => {
    const author = await signUp("author");
    await makePremium(author);
    const [made] = await must(
      author.client
        .from("custom_indicators")
        .insert({
          name: "Soon hidden",
          category: "x",
          type: "entry",
          pine_script: "plot(close)",
          is_public: true,
          parameters: { type: "object", properties: { b: { type: "integer", default: 7 } } },
        })
        .select("id"),
    );
    const id = made?.id ?? "";
    const component = { ...entry(id, { a: 1 }), is_custom: true };
    const { strategy_id, components } = await save(ada, {
      name: "Lasting",
      config: {},
      components: [component],
    });
    expect(components[0]?.parameters).toEqual({ a: 1, b: 7 });
    await author.client.from("custom_indicators").update({ is_public: false }).eq("id", id);

    const changed = await save(ada, {
      strategy_id,
      components: [{ ...component, parameters: { a: 2 } }],
    });
    expect(changed.components).toMatchObject([{ indicator_id: id, indicator_name: "Soon hidden" }]);
    expect(changed.components[0]?.parameters).toEqual({ a: 2 });
    const again = await call(ada.client, "save_strategy", {
      name: "Anew",
      config: {},
      components: [component],
    });
    expect(refusal(again)).toMatchObject({ code: "indicator_not_found" });
  });

  it("needs an account, which a session without an email does not have", async () => {
    const saveAs = (claims: object) =>
      asOperator((sql) =>
        sql.begin(async (t) => {
          await t`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
          await t`select public.save_strategy(name => 'Nobody''s', config => '{}')`;
        }),
      );
    await expect(saveAs({ sub: randomUUID() })).rejects.toMatchObject({
      code: "PT403",
      detail: "email_required",
    });
    await expect(saveAs({})).rejects.toMatchObject({ code: "PT401", detail: "not_authenticated" });
  });

  it("writes everything or nothing", async () => {
    const broken = await call(ada.client, "save_strategy", {
      name: "Half",
      config: {},
      components: [entry(macd), entry(rsi, { length: 501 })],
    });
    expect(refusal(broken)).toEqual({
      code: "invalid_parameters",
      status: 422,
      facts: { parameter: "length", maximum: 500 },
    });
    expect((await ada.client.from("strategies").select("id").eq("name", "Half")).data).toEqual([]);

    const saved = await save(ada, { name: "Whole", config: {}, components: [entry(rsi)] });
    const missing = randomUUID();
    const refused = await call(ada.client, "save_strategy", {
      strategy_id: saved.strategy_id,
      name: "Changed",
      components: [entry(missing)],
    });
    expect(refusal(refused)).toMatchObject({ code: "indicator_not_found", status: 404 });
    expect(
      await must(call(ada.client, "get_strategy", { strategy_id: saved.strategy_id })),
    ).toEqual(saved);
  });

  it("refuses long notes also where nothing else changes, so that no version is written", async () => {
    const saved = await save(ada, { name: "Unchanged", config: {} });
    const change = { strategy_id: saved.strategy_id, notes: "x".repeat(4001) };
    expect(refusal(await call(ada.client, "save_strategy", change))).toMatchObject({
      code: "invalid_argument",
      facts: { argument: "notes", maximum: 4000 },
    });
  });

  const bad: [string, object, object][] = [
    ["no name", { config: {} }, { argument: "name" }],
    ["no config", { name: "x" }, { argument: "config" }],
    ["a blank name", { name: " ", config: {} }, { argument: "name", maximum: 200 }],
    ["a long name", { name: "x".repeat(201), config: {} }, { argument: "name", maximum: 200 }],
    [
      "a long description",
      { name: "x", config: {}, description: "x".repeat(4001) },
      { argument: "description", maximum: 4000 },
    ],
    [
      "long notes",
      { name: "x", config: {}, notes: "x".repeat(4001) },
      { argument: "notes", maximum: 4000 },
    ],
    ["a config that is a list", { name: "x", config: [] }, { argument: "config", type: "object" }],
    [
      "a config beyond 64 KiB",
      { name: "x", config: { a: "x".repeat(65536) } },
      { argument: "config", maximum: 65536 },
    ],
    [
      "an unknown timeframe",
      { name: "x", config: {}, timeframe: "2h" },
      { argument: "timeframe", enum: columnValues.strategies.timeframe },
    ],
    [
      "an unknown market type",
      { name: "x", config: {}, market_type: "art" },
      { argument: "market_type", enum: columnValues.strategies.market_type },
    ],
    [
      "components that are not a list",
      { name: "x", config: {}, components: {} },
      { argument: "components", type: "array" },
    ],
    [
      "65 components",
      {
        name: "x",
        config: {},
        components: Array.from({ length: 65 }, () => ({ component_type: "exit" })),
      },
      { argument: "components", maximum: 64 },
    ],
    [
      "a component that is no object",
      { name: "x", config: {}, components: [1] },
      { argument: "components", index: 0 },
    ],
    [
      "an unknown component type",
      { name: "x", config: {}, components: [{ component_type: "hope" }] },
      { argument: "components", index: 0, field: "component_type" },
    ],
    [
      "a negative position",
      { name: "x", config: {}, components: [{ component_type: "exit", position: -1 }] },
      { argument: "components", index: 0, field: "position" },
    ],
    [
      "a position that is no integer",
      { name: "x", config: {}, components: [{ component_type: "exit", position: 0.5 }] },
      { argument: "components", index: 0, field: "position" },
    ],
    [
      "an id that is no UUID",
      {
        name: "x",
        config: {},
        components: [{ component_type: "exit" }, { component_type: "exit", indicator_id: "rsi" }],
      },
      { argument: "components", index: 1, field: "indicator_id" },
    ],
    [
      "parameters that are a list",
      { name: "x", config: {}, components: [{ component_type: "exit", parameters: [] }] },
      { argument: "components", index: 0, field: "parameters" },
    ],
    [
      "a misspelt field",
      { name: "x", config: {}, components: [{ component_type: "exit", paramters: {} }] },
      { argument: "components", index: 0, field: "paramters" },
    ],
    [
      "two components at one position",
      {
        name: "x",
        config: {},
        components: [{ component_type: "exit" }, { component_type: "exit", position: 0 }],
      },
      { argument: "components", component_type: "exit", position: 0 },
    ],
  ];
  it.each(bad)("refuses %s", async (_, args, facts) => {
    expect(refusal(await call(ada.client, "save_strategy", args))).toEqual({
      code: "invalid_argument",
      status: 422,
      facts,
    });
  });

  it("answers version_conflict to a stale expected_version and writes nothing", async () => {
    const first = await save(ada, { name: "Contended", config: {}, expected_version: 0 });
    const second = await save(ada, {
      strategy_id: first.strategy_id,
      name: "Second",
      expected_version: 1,
    });
    const stale = await call(ada.client, "save_strategy", {
      strategy_id: first.strategy_id,
      name: "Stale",
      components: [entry(rsi)],
      expected_version: 1,
    });
    expect(refusal(stale)).toEqual({
      code: "version_conflict",
      status: 409,
      facts: { expected_version: 1, current_version: 2 },
    });
    expect(
      await must(call(ada.client, "get_strategy", { strategy_id: first.strategy_id })),
    ).toEqual(second);
    expect(
      refusal(
        await call(ada.client, "save_strategy", { name: "New", config: {}, expected_version: 1 }),
      ),
    ).toMatchObject({
      code: "version_conflict",
    });
  });

  it("does not save another user's strategy, and does not change is_ai_generated", async () => {
    const saved = await save(ada, {
      name: "Ada's",
      config: {},
      is_public: true,
      is_ai_generated: true,
    });
    const id = saved.strategy_id;
    const stolen = await call(bob.client, "save_strategy", { strategy_id: id, name: "Bob's" });
    expect(refusal(stolen)).toEqual({
      code: "strategy_not_found",
      status: 404,
      facts: { strategy_id: id },
    });
    const denied = await call(ada.client, "save_strategy", {
      strategy_id: id,
      is_ai_generated: false,
    });
    expect(refusal(denied)).toMatchObject({
      code: "invalid_argument",
      facts: { argument: "is_ai_generated" },
    });
    expect((await call(visitor(), "save_strategy", { name: "x", config: {} })).status).toBe(401);
    expect(await must(call(ada.client, "get_strategy", { strategy_id: id }))).toEqual(saved);
  });
});

describe("a published strategy", () => {
  it("can be read by visitors, without its history, until it is unpublished", async () => {
    const mine = await save(ada, {
      name: "Shared",
      config: { a: 1 },
      components: fourComponents(),
    });
    const id = mine.strategy_id;
    const open = (client = visitor()) => call(client, "get_strategy", { strategy_id: id });
    const notFound = { code: "strategy_not_found", status: 404, facts: { strategy_id: id } };
    expect(refusal(await open())).toEqual(notFound);
    expect(refusal(await open(bob.client))).toEqual(notFound);

    const published = await save(ada, { strategy_id: id, is_public: true });
    expect(published.version_number).toBe(1);
    expect(await must(open())).toEqual(published);
    expect(await must(open(bob.client))).toEqual(published);
    expect(
      (await bob.client.from("strategy_versions").select("id").eq("strategy_id", id)).data,
    ).toEqual([]);
    expect(
      (await visitor().from("strategy_versions").select("id").eq("strategy_id", id)).error?.code,
    ).toBe("42501");
    const restored = await call(bob.client, "restore_strategy_version", {
      strategy_id: id,
      version_number: 1,
    });
    expect(refusal(restored)).toEqual(notFound);

    await save(ada, { strategy_id: id, is_public: false });
    expect(refusal(await open())).toEqual(notFound);
    expect(refusal(await call(bob.client, "fork_strategy", { strategy_id: id }))).toEqual(notFound);
  });

  it("is forked into a private strategy of the caller at version 1", async () => {
    const mine = await save(ada, {
      name: "Origin",
      config: { a: 1 },
      components: fourComponents(),
      description: "Worth it",
      timeframe: "1h",
      is_public: true,
    });
    const fork = await must(call(bob.client, "fork_strategy", { strategy_id: mine.strategy_id }));
    const { strategy_id, created_at, updated_at, is_public, forked_from, ...content } = fork;
    expect(forked_from).toBe(mine.strategy_id);
    expect(content).toEqual(
      Object.fromEntries(
        Object.entries(mine).filter(
          ([key]) =>
            !["strategy_id", "created_at", "updated_at", "is_public", "forked_from"].includes(key),
        ),
      ),
    );
    expect(is_public).toBe(false);
    expect(created_at).toBe(updated_at);
    const rows = await must(bob.client.from("strategies").select("user_id").eq("id", strategy_id));
    expect(rows).toEqual([{ user_id: bob.id }]);
    expect(await versionNumbers(strategy_id)).toEqual([1]);

    const named = await must(call(bob.client, "fork_strategy", { strategy_id, name: "Mine now" }));
    expect(named.name).toBe("Mine now");
    await save(bob, { strategy_id, name: "Changed", components: [] });
    expect(await must(call(ada.client, "get_strategy", { strategy_id: mine.strategy_id }))).toEqual(
      mine,
    );
  });

  it("is forked without references to indicators that the new owner may not see, but with their names", async () => {
    const author = await signUp("author");
    await makePremium(author);
    const script = { category: "momentum", type: "entry", pine_script: "plot(close)" };
    const schema = {
      type: "object",
      properties: { speed: { type: "integer", default: 7 } },
      additionalProperties: false,
    };
    const [secret, open] = await must(
      author.client
        .from("custom_indicators")
        .insert([
          { ...script, name: "Secret", parameters: schema },
          { ...script, name: "Open", is_public: true },
        ])
        .select("id"),
    );
    const origin = await save(author, {
      name: "With secrets",
      config: {},
      is_public: true,
      components: [
        { ...entry(secret?.id ?? ""), is_custom: true },
        { ...entry(open?.id ?? "", { a: 1 }), is_custom: true },
        entry(rsi),
      ],
    });
    const fork = await must(call(bob.client, "fork_strategy", { strategy_id: origin.strategy_id }));
    expect(fork.components.map((c) => [c.indicator_name, c.indicator_id, c.is_custom])).toEqual([
      ["Secret", null, true],
      ["Open", open?.id, true],
      ["RSI", rsi, false],
    ]);
    // Defaults of an indicator that the reader may not see are not filled in.
    expect(fork.components[0]?.parameters).toEqual({});
    const [version] = await versionsOf(fork.strategy_id);
    expect(JSON.stringify(version)).not.toContain(secret?.id);
  });
});

describe("restore_strategy_version", () => {
  it("appends the old content as a new version, and keeps whether the strategy is public", async () => {
    const first = await save(ada, {
      name: "One",
      config: { v: 1 },
      components: [entry(rsi, { length: 7 })],
      description: "A",
      timeframe: "1h",
    });
    const id = first.strategy_id;
    await save(ada, {
      strategy_id: id,
      name: "Two",
      config: { v: 2 },
      components: [entry(macd), entry(rsi)],
      description: "",
      is_public: true,
    });
    const restored = await must(
      call(ada.client, "restore_strategy_version", {
        strategy_id: id,
        version_number: 1,
        notes: "Back",
      }),
    );
    expect(restored).toEqual({
      ...first,
      version_number: 3,
      is_public: true,
      updated_at: restored.updated_at,
    });
    expect(await versionsOf(id)).toMatchObject([
      { number: 1 },
      { number: 2 },
      { number: 3, notes: "Back" },
    ]);
    const again = await must(
      call(ada.client, "restore_strategy_version", { strategy_id: id, version_number: 3 }),
    );
    expect(again.version_number).toBe(3);
  });

  it("works after an indicator was renamed, revised, made private or deleted", async () => {
    const author = await signUp("author");
    await makePremium(author);
    const [renamed, revised, hidden, deleted] = await must(
      author.client
        .from("custom_indicators")
        .insert(
          ["Renamed", "Revised", "Hidden", "Deleted"].map((name) => ({
            name,
            category: "momentum",
            type: "entry",
            pine_script: "plot(close)",
            is_public: true,
          })),
        )
        .select("id"),
    );
    const ids = [renamed, revised, hidden, deleted].map((row) => row?.id ?? "");
    const first = await save(bob, {
      name: "Composed of another's",
      config: {},
      components: ids.map((id) => ({ ...entry(id, { a: 1 }), is_custom: true })),
    });
    const id = first.strategy_id;
    await save(bob, { strategy_id: id, components: [] });

    const change = (which: string | undefined, values: object) =>
      author.client
        .from("custom_indicators")
        .update(values)
        .eq("id", which ?? "");
    await change(ids[0], { name: "New name" });
    await change(ids[1], { parameters: { type: "object", additionalProperties: false } });
    await change(ids[2], { is_public: false });
    await author.client
      .from("custom_indicators")
      .delete()
      .eq("id", ids[3] ?? "");

    const restored = await must(
      call(bob.client, "restore_strategy_version", { strategy_id: id, version_number: 1 }),
    );
    expect(restored.version_number).toBe(3);
    expect(
      restored.components.map((c) => [c.indicator_name, c.indicator_id, c.parameters]),
    ).toEqual([
      ["New name", ids[0], { a: 1 }],
      ["Revised", null, { a: 1 }],
      ["Hidden", null, { a: 1 }],
      ["Deleted", null, { a: 1 }],
    ]);
  });

  it("names a version that does not exist", async () => {
    const { strategy_id } = await save(ada, { name: "Short", config: {} });
    const missing = await call(ada.client, "restore_strategy_version", {
      strategy_id,
      version_number: 2,
    });
    expect(refusal(missing)).toEqual({
      code: "strategy_version_not_found",
      status: 404,
      facts: { strategy_id, version_number: 2 },
    });
    const unsaid = await call(ada.client, "restore_strategy_version", {
      strategy_id,
      version_number: null,
    });
    expect(refusal(unsaid)).toMatchObject({
      code: "invalid_argument",
      facts: { argument: "version_number" },
    });
  });
});

describe("list_public_strategies", () => {
  interface Page {
    items: StrategyDocument[];
    next_cursor: string | null;
  }
  const word = `wombat${randomUUID().slice(0, 8)}`;
  const list = (args: object) =>
    must(call<Page>(visitor(), "list_public_strategies", { search: word, ...args }));

  it("returns every public strategy once, newest first, even if others are published meanwhile", async () => {
    for (const [n, market_type] of ["crypto", "stocks", "crypto", "forex", "crypto"].entries()) {
      await save(ada, {
        name: `${word} ${n}`,
        config: { big: true },
        market_type,
        timeframe: n === 4 ? "1d" : "1h",
        is_public: true,
      });
    }
    await save(ada, { name: `${word} private`, config: {} });

    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page = await list({ page_size: 2, cursor });
      seen.push(...page.items.map((item) => item.name));
      cursor = page.next_cursor;
      if (seen.length === 2) await save(ada, { name: `${word} new`, config: {}, is_public: true });
    } while (cursor !== null);
    expect(seen).toEqual([4, 3, 2, 1, 0].map((n) => `${word} ${n}`));

    const names = async (args: object) =>
      (await list(args)).items.map((item) => item.name.replace(`${word} `, ""));
    expect(await names({})).toEqual(["new", "4", "3", "2", "1", "0"]);
    expect(await names({ market_type: "crypto" })).toEqual(["4", "2", "0"]);
    expect(await names({ market_type: "crypto", timeframe: "1d" })).toEqual(["4"]);
    expect(await names({ timeframe: "1d" })).toEqual(["4"]);
    expect(await names({ search: `${word.slice(0, 10)} 3` })).toEqual(["3"]);
    const exact = await list({ page_size: 6 });
    expect([exact.items.length, exact.next_cursor]).toEqual([6, null]);
    expect(exact.items[0]).not.toHaveProperty("config");
  });

  it("refuses a bad cursor and a page size out of bounds", async () => {
    const answer = (args: object) => call(visitor(), "list_public_strategies", args);
    for (const cursor of [
      "",
      "x",
      "not a cursor",
      "A".repeat(32),
      "_".repeat(32),
      "A".repeat(31),
      `${"A".repeat(32)}=`,
    ]) {
      expect(refusal(await answer({ cursor }))).toEqual({
        code: "invalid_argument",
        status: 422,
        facts: { argument: "cursor" },
      });
    }
    for (const page_size of [0, 101, -1]) {
      expect(refusal(await answer({ page_size }))).toMatchObject({
        code: "invalid_argument",
        facts: { argument: "page_size" },
      });
    }
    expect(refusal(await answer({ timeframe: "2h" }))).toMatchObject({
      facts: { argument: "timeframe" },
    });
  });
});

describe("a plan's limits", () => {
  /** Inserts strategies as the operator, whom no plan limits. */
  const fill = (person: Person, count: number) =>
    asOperator(
      (sql) => sql`
        insert into public.strategies (user_id, name, config)
        select ${person.id}, 'Filler ' || n, '{}' from generate_series(1, ${count}) as n
      `,
    );
  const limitReached = {
    code: "plan_limit_reached",
    status: 403,
    facts: { limit: 25, plan: "free" },
  };

  it("apply to every way of creating a strategy, and premium has none", async () => {
    const holder = await signUp("holder");
    await fill(holder, 25);
    const others = await save(ada, { name: "To fork", config: {}, is_public: true });
    const ways = [
      call(holder.client, "save_strategy", { name: "26", config: {} }),
      call(holder.client, "fork_strategy", { strategy_id: others.strategy_id }),
      holder.client.from("strategies").insert({ name: "26", config: {} }),
    ];
    for (const way of ways) expect(refusal((await way) as never)).toEqual(limitReached);

    await makePremium(holder);
    const { strategy_id } = await save(holder, { name: "26", config: {} });
    await endPremium(holder);
    expect(await save(holder, { strategy_id, name: "Still mine" })).toMatchObject({
      version_number: 2,
    });
    expect(refusal(await call(holder.client, "save_strategy", { name: "27", config: {} }))).toEqual(
      limitReached,
    );
    expect(
      (await holder.client.from("strategies").delete().eq("id", strategy_id).select("id")).data,
    ).toHaveLength(1);
  });

  it("hold when concurrent requests create the last strategies", async () => {
    const holder = await signUp("holder");
    await fill(holder, 20);
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        call(holder.client, "save_strategy", { name: `At once ${n}`, config: {} }),
      ),
    );
    expect(answers.filter((answer) => answer.error === null)).toHaveLength(5);
    for (const answer of answers.filter((one) => one.error !== null))
      expect(refusal(answer)).toEqual(limitReached);
    const held = await must(holder.client.from("strategies").select("id").eq("user_id", holder.id));
    expect(held).toHaveLength(25);
  });

  it("make a transaction that creates the last one wait for another that has just done so", async () => {
    const holder = await signUp("holder");
    await fill(holder, 24);
    const [one, two] = [0, 1].map(() => postgres(stack.DB_URL, { max: 1, onnotice: () => {} }));
    if (one === undefined || two === undefined) throw new Error("There are not two connections.");
    try {
      const create = async (t: postgres.TransactionSql) => {
        await actAs(t, userClaims(holder));
        await t`insert into public.strategies (name, config) values ('25', '{}')`;
      };
      const waiter = await pidOf(two);
      let second: Promise<unknown> = Promise.resolve();
      await one.begin(async (t) => {
        await create(t);
        second = two.begin(create).catch((error: unknown) => error);
        await asOperator((sql) => untilBlocked(sql, waiter, second));
      });
      expect(await second).toMatchObject({ code: "PT403", detail: "plan_limit_reached" });
    } finally {
      await Promise.all([one.end(), two.end()]);
    }
  });

  it("count custom indicators, which stay readable and deletable after the plan has lapsed", async () => {
    const writer = await signUp("writer");
    await makePremium(writer);
    const script = { category: "momentum", type: "exit", pine_script: "plot(close)" };
    await asOperator(
      (sql) => sql`
        insert into public.custom_indicators (user_id, name, category, type, pine_script)
        select ${writer.id}, 'Filler ' || n, 'momentum', 'exit', 'plot(close)' from generate_series(1, 98) as n
      `,
    );
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        writer.client.from("custom_indicators").insert({ ...script, name: `At once ${n}` }),
      ),
    );
    expect(answers.filter((answer) => answer.error === null)).toHaveLength(2);
    const refused = answers.find((answer) => answer.error !== null);
    expect(refusal(refused as never)).toEqual({
      code: "plan_limit_reached",
      status: 403,
      facts: { limit: 100, plan: "premium_monthly" },
    });

    await endPremium(writer);
    const held = await must(
      writer.client.from("custom_indicators").select("id").eq("user_id", writer.id),
    );
    expect(held).toHaveLength(100);
    const gone = await writer.client
      .from("custom_indicators")
      .delete()
      .eq("id", held[0]?.id ?? "")
      .select("id");
    expect(gone.data).toHaveLength(1);
  });
});
