import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchPlatform, startScratchPlatform } from "../support/database.ts";

/**
 * The local platform database accepts what hosted Supabase accepts, and refuses what it refuses. Everything runs as the role
 * postgres, as a migration does.
 */
let platform: ScratchPlatform;
let sql: postgres.Sql;

beforeAll(async () => {
  platform = await startScratchPlatform();
  const url = await platform.createDatabase("baseline", "granted");
  sql = postgres(url, { max: 1, onnotice: () => {} });
});

afterAll(async () => {
  await sql?.end();
  await platform?.stop();
});

/** Runs statements in a transaction that is rolled back; gives "works", or the SQLSTATE of the error. */
async function attempt(statements: string): Promise<string> {
  const done = new Error("done");
  try {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(statements);
      throw done;
    });
  } catch (error) {
    if (error === done) return "works";
    return error instanceof postgres.PostgresError ? error.code : String(error);
  }
  return "works";
}

const trigger = `
  create function public.follow() returns trigger language plpgsql as 'begin return new; end';
  create trigger follow after insert on auth.users for each row execute function public.follow();
`;

describe("works on hosted and works here", () => {
  it.each([
    ["a schema of one's own", "create schema private"],
    [
      "a table that references auth.users",
      "create table public.t (id uuid references auth.users (id) on delete cascade); drop table public.t",
    ],
    ["a trigger on auth.users, dropped again", `${trigger} drop trigger follow on auth.users`],
    [
      "dropping a trigger's function with the trigger",
      `${trigger} drop function public.follow() cascade`,
    ],
    [
      "a policy on storage.objects, changed and dropped",
      "create policy p on storage.objects for select to authenticated using (bucket_id = 'x'); alter policy p on storage.objects using (true); drop policy p on storage.objects",
    ],
    [
      "a policy on realtime.messages, changed and dropped",
      "create policy p on realtime.messages for select to authenticated using ((select realtime.topic()) = 'x'); alter policy p on realtime.messages using (true); drop policy p on realtime.messages",
    ],
    [
      "a message sent by the database",
      "select realtime.send('{}', 'event', 'topic', true); select 1 / (select count(*) from realtime.messages where topic = 'topic')",
    ],
    ["a bucket", "insert into storage.buckets (id, name, public) values ('b', 'b', false)"],
    [
      "a file's row",
      "insert into storage.buckets (id, name) values ('b', 'b'); insert into storage.objects (bucket_id, name) values ('b', 'u/f.csv')",
    ],
    [
      "a table added to the realtime publication, and removed",
      "create table public.t (id int primary key); alter publication supabase_realtime add table public.t; alter publication supabase_realtime drop table public.t",
    ],
    [
      "a secret in the vault, read, changed and deleted",
      "select vault.create_secret('s', 'n', 'd'); select vault.update_secret((select id from vault.secrets where name = 'n'), 't'); select decrypted_secret from vault.decrypted_secrets; delete from vault.secrets where name = 'n'",
    ],
    [
      "the extensions that are installed",
      "create extension if not exists pgcrypto with schema extensions; create extension if not exists pg_trgm with schema extensions",
    ],
    [
      "a setting of the Data API's role",
      "alter role authenticator set log_parameter_max_length = 0; alter role authenticator reset log_parameter_max_length",
    ],
    ["a timeout of an API role", "alter role anon set statement_timeout = '3s'"],
    [
      "deleting a user",
      "insert into auth.users (id, email) values (gen_random_uuid(), 'a@b.test'); delete from auth.users where email = 'a@b.test'",
    ],
    [
      "default privileges of one's own objects",
      "alter default privileges for role postgres revoke execute on functions from public",
    ],
    ["select on auth.users passed on", "grant select on auth.users to service_role"],
    ["becoming an API role", "set local role authenticated; select auth.uid()"],
  ])("%s", async (_, statements) => {
    expect(await attempt(statements)).toBe("works");
  });
});

describe("is refused on hosted and is refused here", () => {
  it.each([
    ["a setting of the database", "alter database postgres set app.secret = 'x'"],
    ["a made-up setting of a role", "alter role postgres set app.secret = 'x'"],
    ["a table in auth", "create table auth.t ()"],
    ["a function in auth", "create function auth.f() returns int language sql as 'select 1'"],
    ["a table in storage", "create table storage.t ()"],
    ["a table in realtime", "create table realtime.t ()"],
    [
      "a trigger's function in realtime",
      "create function realtime.f() returns int language sql as 'select 1'",
    ],
    [
      "row-level security of realtime.messages",
      "alter table realtime.messages disable row level security",
    ],
    ["taking privileges on realtime.messages", "revoke all on realtime.messages from anon"],
    ["a column of auth.users", "alter table auth.users add column extra text"],
    ["an index on auth.users", "create index on auth.users (phone)"],
    ["a comment on auth.users", "comment on table auth.users is 'x'"],
    ["an index on storage.objects", "create index on storage.objects (owner)"],
    [
      "row-level security of storage.objects",
      "alter table storage.objects disable row level security",
    ],
    ["dropping a table of auth", "drop table auth.sessions cascade"],
    ["a privilege on auth.users", "grant insert on auth.users to authenticated"],
    ["a privilege on the schema auth", "grant create on schema auth to authenticated"],
    ["taking privileges on storage.objects", "revoke all on storage.objects from anon"],
    ["a file deleted by SQL", "delete from storage.objects where true"],
    ["a bucket deleted by SQL", "delete from storage.buckets where true"],
    ["a secret inserted past its function", "insert into vault.secrets (secret) values ('x')"],
    ["a secret changed past its function", "update vault.secrets set secret = 'x'"],
    ["the key of the vault", "select * from vault.root_key"],
    ["becoming an owner of the platform", "set local role supabase_auth_admin"],
    ["becoming the superuser", "set local role supabase_admin"],
    ["an untrusted extension", "create extension pageinspect"],
    ["reading the server's files", "select pg_read_file('/etc/hostname')"],
    ["a superuser of one's own", "create role r superuser"],
  ])("%s", async (_, statements) => {
    expect(await attempt(statements)).toBe("42501");
  });
});

it("a setting of the server is refused", async () => {
  await expect(sql.unsafe("alter system set work_mem = '1MB'")).rejects.toThrow(
    "permission denied",
  );
});

describe("the roles", () => {
  it("have the attributes that they have on hosted", async () => {
    const rows = await sql`
      select
        rolname as role,
        rolsuper as super,
        rolbypassrls as bypass,
        rolcanlogin as login,
        rolinherit as inherit
      from pg_roles
      where rolname in ('postgres', 'anon', 'authenticated', 'service_role', 'authenticator')
      order by rolname
    `;
    expect(rows.map(({ role, ...rest }) => [role, ...Object.values(rest)])).toEqual([
      ["anon", false, false, false, true],
      ["authenticated", false, false, false, true],
      ["authenticator", false, false, true, false],
      ["postgres", false, true, true, true],
      ["service_role", false, true, false, true],
    ]);
  });

  it("own the objects that they own on hosted", async () => {
    const rows = await sql`
      select 'database' as what, datdba::regrole::text as owner
      from pg_database
      where datname = current_database()
      union all
      select nspname, nspowner::regrole::text
      from pg_namespace
      where nspname in ('public', 'auth', 'storage')
      union all
      select relname, relowner::regrole::text
      from pg_class
      where oid = 'realtime.messages'::regclass
      union all
      select 'publication', pubowner::regrole::text
      from pg_publication
      where pubname = 'supabase_realtime'
      order by 1
    `;
    expect(Object.fromEntries(rows.map(({ what, owner }) => [what, owner]))).toEqual({
      auth: "supabase_auth_admin",
      database: "postgres",
      messages: "supabase_realtime_admin",
      public: "pg_database_owner",
      publication: "postgres",
      storage: "supabase_storage_admin",
    });
  });
});

describe("auth.uid(), auth.role() and auth.email()", () => {
  it("read the claims from both settings", async () => {
    const id = "00000000-0000-4000-8000-000000000001";
    const claims = JSON.stringify({ sub: id, role: "authenticated", email: "a@b.test" });
    const read = (setting: string, value: string) =>
      sql.begin(async (transaction) => {
        await transaction`select set_config(${setting}, ${value}, true)`;
        const [row] = await transaction`
          select auth.uid() as uid, auth.role() as role, auth.email() as email
        `;
        return row;
      });
    expect(await read("request.jwt.claims", claims)).toEqual({
      uid: id,
      role: "authenticated",
      email: "a@b.test",
    });
    expect(await read("request.jwt.claim.sub", id)).toMatchObject({ uid: id });
    expect(await read("request.jwt.claims", "")).toEqual({ uid: null, role: null, email: null });
  });
});

describe("new objects in public", () => {
  const granted = async (database: postgres.Sql) => {
    const [row] = await database
      .unsafe(`
      create table public.fresh (id int);
      create function public.fresh() returns int language sql as 'select 1';
      select
        has_table_privilege('anon', 'public.fresh', 'delete') as anon,
        has_table_privilege('service_role', 'public.fresh', 'select') as service,
        has_function_privilege('anon', 'public.fresh()', 'execute') as execute
    `)
      .then((results) => results.at(-1) ?? []);
    await database.unsafe("drop table public.fresh; drop function public.fresh()");
    return row;
  };

  it("are granted to the API roles in one mode and to nobody in the other; functions to PUBLIC in both", async () => {
    expect(await granted(sql)).toEqual({ anon: true, service: true, execute: true });
    const url = await platform.createDatabase("closed", "revoked");
    const closed = postgres(url, { max: 1, onnotice: () => {} });
    expect(await granted(closed)).toEqual({ anon: false, service: false, execute: true });
    await closed.end();
  });
});

describe("the vault", () => {
  it("encrypts secrets", async () => {
    await sql`select vault.create_secret('plain words', 'probe')`;
    const [row] = await sql`
      select secret, decrypted_secret from vault.decrypted_secrets where name = 'probe'
    `;
    expect(row?.decrypted_secret).toBe("plain words");
    expect(row?.secret).not.toContain("plain words");
    await sql`delete from vault.secrets where name = 'probe'`;
  });

  it("cannot be read by anon or authenticated", async () => {
    for (const role of ["anon", "authenticated"]) {
      expect(await attempt(`set local role ${role}; select * from vault.secrets`)).toBe("42501");
    }
  });
});
