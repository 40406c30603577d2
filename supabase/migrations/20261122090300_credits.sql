-- Made from supabase/schemas/credits/ by `npm run db:diff -- --first`: change it there.

-- The ledger: every change of users.credits is a row here, written in the same transaction. The sum of a user's
-- deltas is the balance, and so is balance_after of their last row.
create table public.credit_transactions (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  kind text not null,
  delta integer not null,
  balance_after integer not null,
  reason text,
  idempotency_key text,
  refund_of bigint references public.credit_transactions (id) on delete cascade,
  created_at timestamptz not null default now(),
  constraint credit_transactions_kind_known
    check (kind in ('opening', 'consume', 'refund', 'grant', 'subscription', 'purchase', 'reversal', 'import')),
  -- An import takes a balance over from elsewhere, which may be lower than the opening one.
  constraint credit_transactions_delta_fits_kind
    check (case when kind in ('consume', 'reversal') then delta < 0 when kind = 'import' then true else delta >= 0 end),
  constraint credit_transactions_balance_not_negative check (balance_after >= 0),
  constraint credit_transactions_reason_length check (char_length(reason) <= 4000),
  -- Wider than what a client may send (8-64 of A-Za-z0-9_-), so that the system's
  -- own keys can carry a prefix that no client can produce.
  constraint credit_transactions_idempotency_key_form check (idempotency_key ~ '^[A-Za-z0-9_:.-]{8,200}$'),
  constraint credit_transactions_refund_has_origin check ((kind = 'refund') = (refund_of is not null)),
  constraint credit_transactions_idempotent unique (user_id, kind, idempotency_key),
  constraint credit_transactions_refunded_once unique (refund_of)
);

create index credit_transactions_user_id_idx on public.credit_transactions (user_id, id);

comment on table public.credit_transactions is
  'Ledger of users.credits, append-only for every role: rows are deleted only with their user, or move to private.archived_credits after a year.';
comment on column public.credit_transactions.delta is 'Credits added, or taken when negative.';
comment on column public.credit_transactions.balance_after is 'users.credits after this row.';
comment on column public.credit_transactions.idempotency_key is 'A repeat of the same request under this key returns the first result.';
comment on column public.credit_transactions.refund_of is 'The consume row that a refund gives back; each is refunded at most once.';

alter table public.credit_transactions enable row level security;

create policy "users read their own ledger"
  on public.credit_transactions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.credit_transactions
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create trigger credit_transactions_are_append_only
  before update or delete on public.credit_transactions
  for each row
  execute function private.refuse_unless_gone_or_archived();

create trigger credit_transactions_are_not_truncated
  before truncate on public.credit_transactions
  for each statement
  execute function private.refuse_unless_gone_or_archived();

revoke all on public.credit_transactions from public, anon, authenticated, service_role;
revoke all on sequence public.credit_transactions_id_seq from public, anon, authenticated, service_role;
grant select on public.credit_transactions to authenticated, service_role;

-- Moves ledger rows of one user that are older than `before` into the archive, max_rows at most, and returns how
-- many. The oldest go first, so that the archived sum and the remaining rows still add up. The newest row stays,
-- because it carries the balance. A charge and its refund are archived together.
create function private.archive_credits(user_id uuid, before timestamptz, max_rows integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_last_id bigint;
  v_rows integer;
begin
  -- An account that is locked, because its user is spending, is left for a later run.
  perform
  from public.users as u
  where u.id = archive_credits.user_id
  for no key update skip locked;

  if not found then
    return 0;
  end if;

  select max(o.id)
  into v_last_id
  from (
    select t.id, t.created_at, lead(t.id) over (order by t.id) as next_id
    from public.credit_transactions as t
    where t.user_id = archive_credits.user_id
    order by t.id
    limit archive_credits.max_rows
  ) as o
  where o.created_at < archive_credits.before
    and o.next_id is not null;

  v_last_id := least(
    v_last_id,
    (
      select min(r.refund_of) - 1
      from public.credit_transactions as r
      where r.user_id = archive_credits.user_id
        and r.id > v_last_id
        and r.refund_of <= v_last_id
    )
  );

  insert into private.archived_credit_keys (user_id, key_hash, request_hash, transaction_id, balance_after)
  select
    t.user_id,
    private.credit_key_hash(t.kind, t.idempotency_key),
    case when r.id is null then private.credit_request_hash(t.delta, t.reason) end,
    t.id,
    t.balance_after
  from public.credit_transactions as t
  left join public.credit_transactions as r on r.refund_of = t.id
  where t.user_id = archive_credits.user_id
    and t.id <= v_last_id
    and t.idempotency_key is not null;

  insert into private.archived_credits as a (user_id, kind, transactions, delta)
  select t.user_id, t.kind, count(*), sum(t.delta)
  from public.credit_transactions as t
  where t.user_id = archive_credits.user_id
    and t.id <= v_last_id
  group by t.user_id, t.kind
  on conflict on constraint archived_credits_pkey do update
    set transactions = a.transactions + excluded.transactions,
        delta = a.delta + excluded.delta;

  insert into private.archived_rows as a (user_id, source, last_id)
  select archive_credits.user_id, 'credit_transactions', v_last_id
  where v_last_id is not null
  on conflict on constraint archived_rows_pkey do update
    set last_id = greatest(a.last_id, excluded.last_id);

  delete from public.credit_transactions as t
  where t.user_id = archive_credits.user_id
    and t.id <= v_last_id;
  get diagnostics v_rows = row_count;

  return v_rows;
end;
$$;

revoke all on function private.archive_credits from public, anon, authenticated, service_role;

create table private.archived_credit_keys (
  user_id uuid not null references public.users (id) on delete cascade,
  key_hash bytea not null,
  request_hash bigint,
  transaction_id bigint not null,
  balance_after integer not null,
  constraint archived_credit_keys_pkey primary key (user_id, key_hash)
);

comment on table private.archived_credit_keys is
  'Idempotency keys of archived ledger rows, each with what a repeat of its request returns.';
comment on column private.archived_credit_keys.key_hash is 'private.credit_key_hash() of kind and key.';
comment on column private.archived_credit_keys.request_hash is
  'private.credit_request_hash() of amount and reason; null where the row was refunded.';

-- Half of a SHA-256, which takes less room than the key and still finds out whether the key was used.
create function private.credit_key_hash(kind text, idempotency_key text)
returns bytea
language sql
immutable
security invoker
set search_path = ''
return substring(pg_catalog.sha256(pg_catalog.convert_to(kind || ' ' || idempotency_key, 'UTF8')) from 1 for 16);

-- Distinguishes a repeat from another request under the same key.
create function private.credit_request_hash(delta integer, reason text)
returns bigint
language sql
immutable
security invoker
set search_path = ''
return pg_catalog.hashtextextended(delta::text || coalesce(' ' || reason, ''), 0);

revoke all on private.archived_credit_keys from public, anon, authenticated, service_role;
revoke all on function private.credit_key_hash, private.credit_request_hash
  from public, anon, authenticated, service_role;

create table private.archived_credits (
  user_id uuid not null references public.users (id) on delete cascade,
  kind text not null,
  transactions bigint not null,
  delta bigint not null,
  constraint archived_credits_pkey primary key (user_id, kind)
);

comment on table private.archived_credits is
  'Number and sum of a user''s archived ledger rows, per kind. These sums and the remaining ledger add up to users.credits.';

revoke all on private.archived_credits from public, anon, authenticated, service_role;

-- The archive keeps what is needed of ledger rows and audit events that are older than a year. A user's ledger rows
-- become one sum per kind, so that these sums and the remaining ledger still add up to the balance. A ledger row
-- with an idempotency key also leaves what a repeat of its request must return.
create table private.archived_rows (
  user_id uuid not null references public.users (id) on delete cascade,
  source text not null,
  last_id bigint not null,
  constraint archived_rows_pkey primary key (user_id, source),
  constraint archived_rows_source_known check (source in ('credit_transactions', 'api_key_events'))
);

comment on table private.archived_rows is
  'For each user and append-only table, the highest id that is in the archive.';

revoke all on private.archived_rows from public, anon, authenticated, service_role;

-- Changes a balance together with its ledger: {balance, transaction_id, replayed}. An idempotency key counts once
-- per user and kind. Returns null for a user who can have no account: each caller raises its own error.
--
-- The update locks the account, so two requests with one key can only meet at the insert: its unique key refuses the
-- second, the block undoes that one's update, and the first result is returned again. Nothing is looked up before,
-- because it could be out of date when it is used.
create function private.change_credits(
  user_id uuid,
  kind text,
  delta integer,
  reason text,
  idempotency_key text,
  refund_of bigint default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_balance integer;
  v_transaction_id bigint;
  v_first record;
begin
  begin
    update public.users as u
    set credits = u.credits + change_credits.delta
    where u.id = change_credits.user_id
      and u.credits::bigint + change_credits.delta between 0 and 2147483647
    returning u.credits into v_balance;

    if found then
      -- Archiving takes the same lock on the account, so no key can move to the archive between this check and the
      -- insert.
      if exists (
        select
        from private.archived_credit_keys as a
        where a.user_id = change_credits.user_id
          and a.key_hash = private.credit_key_hash(change_credits.kind, change_credits.idempotency_key)
      ) then
        raise unique_violation;
      end if;

      insert into public.credit_transactions as t
        (user_id, kind, delta, balance_after, reason, idempotency_key, refund_of)
      values (
        change_credits.user_id,
        change_credits.kind,
        change_credits.delta,
        v_balance,
        change_credits.reason,
        change_credits.idempotency_key,
        change_credits.refund_of
      )
      returning t.id into v_transaction_id;

      return jsonb_build_object('balance', v_balance, 'transaction_id', v_transaction_id, 'replayed', false);
    end if;
  exception
    when unique_violation then
      null;
  end;

  -- Either this is a repeat, or there are too few credits, perhaps because this very key has spent them.
  select
    t.id,
    t.balance_after,
    t.delta is distinct from change_credits.delta
      or t.reason is distinct from change_credits.reason
      or exists (
        select
        from public.credit_transactions as r
        where r.refund_of = t.id
      ) as is_something_else
  into v_first
  from public.credit_transactions as t
  where t.user_id = change_credits.user_id
    and t.kind = change_credits.kind
    and t.idempotency_key = change_credits.idempotency_key
  union all
  select
    a.transaction_id,
    a.balance_after,
    a.request_hash is distinct from private.credit_request_hash(change_credits.delta, change_credits.reason)
  from private.archived_credit_keys as a
  where a.user_id = change_credits.user_id
    and a.key_hash = private.credit_key_hash(change_credits.kind, change_credits.idempotency_key);

  if found then
    if v_first.is_something_else then
      perform private.raise_error(
        'idempotency_key_reused',
        'This idempotency key was used with another amount or reason, or was refunded: use a new one.',
        jsonb_build_object('transaction_id', v_first.id)
      );
    end if;

    return jsonb_build_object('balance', v_first.balance_after, 'transaction_id', v_first.id, 'replayed', true);
  end if;

  select u.credits
  into v_balance
  from public.users as u
  where u.id = change_credits.user_id;

  if not found then
    -- Perhaps the account could not be created when the user signed up: create it now, and make the change again.
    perform private.ensure_account(change_credits.user_id);
    perform from public.users as u where u.id = change_credits.user_id;
    return case
      when found then private.change_credits(
        change_credits.user_id,
        change_credits.kind,
        change_credits.delta,
        change_credits.reason,
        change_credits.idempotency_key,
        change_credits.refund_of
      )
    end;
  elsif change_credits.delta < 0 then
    perform private.raise_error(
      'insufficient_credits',
      'There are not enough credits: buy or wait for more, or spend fewer.',
      jsonb_build_object('balance', v_balance, 'amount', -change_credits.delta)
    );
  end if;

  perform private.raise_error(
    'invalid_argument',
    'The balance cannot hold so many credits: give fewer.',
    jsonb_build_object('argument', 'amount', 'maximum', 2147483647 - v_balance)
  );
end;
$$;

revoke all on function private.change_credits from public, anon, authenticated, service_role;

-- Changes credits in the name of the operator. Each key is stored with the prefix 'service:', and no user can send a
-- ':', so nobody can use up a key before the system does, and a refund finds the system's own charge or none. Paid
-- work is therefore: charge, work, keep the result, and refund if the work failed. A refund after a charge that was
-- never made gives nothing away.
create function private.change_credits_of(
  user_id uuid,
  kind text,
  delta integer,
  reason text,
  idempotency_key text,
  refund_of bigint default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_key text := 'service:' || change_credits_of.idempotency_key;
  v_receipt jsonb;
begin
  if change_credits_of.user_id is null then
    perform private.raise_error('invalid_argument', 'user_id must be the id of a user.', '{"argument": "user_id"}');
  end if;

  v_receipt := private.change_credits(
    change_credits_of.user_id,
    change_credits_of.kind,
    change_credits_of.delta,
    change_credits_of.reason,
    v_key,
    change_credits_of.refund_of
  );

  if v_receipt is null then
    perform private.raise_error('user_not_found', 'No account has this id.');
  end if;

  return v_receipt;
end;
$$;

revoke all on function private.change_credits_of from public, anon, authenticated, service_role;

create function private.charge_credits(user_id uuid, amount integer, reason text, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.check_credit_arguments(
    charge_credits.amount, charge_credits.reason, charge_credits.idempotency_key
  );

  return private.change_credits_of(
    charge_credits.user_id, 'consume', -charge_credits.amount, charge_credits.reason, charge_credits.idempotency_key
  );
end;
$$;

create function public.charge_credits(
  user_id uuid,
  amount integer,
  reason text default null,
  idempotency_key text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.charge_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.charge_credits(uuid, integer, text, text) is
  'Takes credits of a user for work that the system is about to do: {balance, transaction_id, replayed}. Only a charge with a key can be given back by refund_credits().';

revoke all on function private.charge_credits, public.charge_credits from public, anon, authenticated, service_role;
grant execute on function private.charge_credits, public.charge_credits to service_role;

-- Raises invalid_argument for what a caller may not send; reason and key may be null. Keys are short enough for an
-- index and free of ':', which sets the system's own keys apart.
create function private.check_credit_arguments(amount integer, reason text, idempotency_key text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if check_credit_arguments.amount is null or check_credit_arguments.amount < 1 then
    perform private.raise_error(
      'invalid_argument', 'The amount must be 1 or more.', '{"argument": "amount", "minimum": 1}'
    );
  elsif char_length(check_credit_arguments.reason) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'The reason is too long: shorten it.', '{"argument": "reason", "maximum": 4000}'
    );
  elsif check_credit_arguments.idempotency_key !~ '^[A-Za-z0-9_-]{8,64}$' then
    perform private.raise_error(
      'invalid_argument',
      'An idempotency key has 8 to 64 letters, digits, underscores and hyphens: a UUID will do.',
      '{"argument": "idempotency_key"}'
    );
  end if;
end;
$$;

revoke all on function private.check_credit_arguments from public, anon, authenticated, service_role;

-- Finds the users, or checks the one user, whose balance is not the sum of their ledger or whose ledger does not add
-- up row by row. It is one statement, so writes at the same time cannot make it see a difference. It is in plpgsql,
-- which plans with the argument's value: a check of one user reads that user's rows alone.
create function private.check_ledger(user_id uuid default null)
returns table (account_id uuid, credits integer, ledger_sum bigint, ledger_balance integer, broken_rows bigint)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
  select
    u.id,
    u.credits,
    coalesce(l.ledger_sum, 0)::bigint,
    l.ledger_balance::integer,
    coalesce(l.broken_rows, 0)
  from public.users as u
  left join (
    select
      t.user_id,
      sum(t.delta) as ledger_sum,
      max(t.balance_after) filter (where t.is_last) as ledger_balance,
      count(*) filter (where t.balance_after <> t.running_sum) as broken_rows
    from (
      select
        c.user_id,
        c.delta,
        c.balance_after,
        sum(c.delta) over (partition by c.user_id order by c.id) as running_sum,
        lead(c.id) over (partition by c.user_id order by c.id) is null as is_last
      from (
        select r.user_id, r.id, r.delta, r.balance_after
        from public.credit_transactions as r
        union all
        -- The archived sum counts as a row before the first row of the ledger.
        select a.user_id, 0, sum(a.delta), sum(a.delta)
        from private.archived_credits as a
        group by a.user_id
      ) as c
      -- A range, because with `or check_ledger.user_id is null` a check of one user would read every row.
      where c.user_id between coalesce(check_ledger.user_id, '00000000-0000-0000-0000-000000000000')
        and coalesce(check_ledger.user_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ) as t
    group by t.user_id
  ) as l on l.user_id = u.id
  where u.id between coalesce(check_ledger.user_id, '00000000-0000-0000-0000-000000000000')
      and coalesce(check_ledger.user_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    and (
      l.ledger_sum is distinct from u.credits
      or l.ledger_balance is distinct from u.credits
      or l.broken_rows > 0
    );
end;
$$;

revoke all on function private.check_ledger from public, anon, authenticated, service_role;

-- Spends credits in the name of the signed-in user. The idempotency key is stored without a prefix.
create function private.consume_credits(amount integer, reason text, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true);
  v_receipt jsonb;
begin
  perform private.check_credit_arguments(
    consume_credits.amount, consume_credits.reason, consume_credits.idempotency_key
  );

  v_receipt := private.change_credits(
    v_user_id, 'consume', -consume_credits.amount, consume_credits.reason, consume_credits.idempotency_key
  );

  if v_receipt is null then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  return v_receipt;
end;
$$;

create function public.consume_credits(amount integer, reason text default null, idempotency_key text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.consume_credits(amount, reason, idempotency_key);
end;

comment on function public.consume_credits(integer, text, text) is
  'Spends credits of the signed-in user: {balance, transaction_id, replayed}. A repeat with the same key returns the first result; without a key every call counts.';

revoke all on function private.consume_credits, public.consume_credits from public, anon, authenticated, service_role;
grant execute on function private.consume_credits, public.consume_credits to authenticated;

create function private.grant_credits(user_id uuid, amount integer, reason text, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.check_credit_arguments(
    grant_credits.amount, grant_credits.reason, grant_credits.idempotency_key
  );

  return private.change_credits_of(
    grant_credits.user_id, 'grant', grant_credits.amount, grant_credits.reason, grant_credits.idempotency_key
  );
end;
$$;

create function public.grant_credits(
  user_id uuid,
  amount integer,
  reason text default null,
  idempotency_key text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.grant_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.grant_credits(uuid, integer, text, text) is
  'Gives a user credits: {balance, transaction_id, replayed}. A repeat with the same key returns the first result; without a key every call counts.';

revoke all on function private.grant_credits, public.grant_credits from public, anon, authenticated, service_role;
grant execute on function private.grant_credits, public.grant_credits to service_role;

-- Writes the opening balance as a ledger row, by whatever path the account is created.
create function private.record_opening_credits()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.credit_transactions (user_id, kind, delta, balance_after, reason)
  values (new.id, 'opening', new.credits, new.credits, 'Opening credits');
  return null;
end;
$$;

create trigger users_record_opening_credits
  after insert on public.users
  for each row
  execute function private.record_opening_credits();

revoke all on function private.record_opening_credits from public, anon, authenticated, service_role;

-- A charge is found by its key and never changes, so it can be read before anything is locked. The unique refund_of
-- ensures that it is refunded once.
create function private.refund_credits(user_id uuid, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_charge record;
  v_receipt jsonb;
begin
  select t.id, t.delta, t.reason
  into v_charge
  from public.credit_transactions as t
  where t.user_id = refund_credits.user_id
    and t.kind = 'consume'
    and t.idempotency_key = 'service:' || refund_credits.idempotency_key;

  if not found then
    if refund_credits.user_id is null then
      perform private.raise_error('invalid_argument', 'user_id must be the id of a user.', '{"argument": "user_id"}');
    elsif not exists (select from public.users as u where u.id = refund_credits.user_id) then
      perform private.raise_error('user_not_found', 'No account has this id.');
    end if;

    -- A charge that has been refunded is in the archive together with its refund.
    select jsonb_build_object('balance', a.balance_after, 'transaction_id', a.transaction_id, 'replayed', true)
    into v_receipt
    from private.archived_credit_keys as a
    where a.user_id = refund_credits.user_id
      and a.key_hash = private.credit_key_hash('refund', 'service:' || refund_credits.idempotency_key);

    if found then
      return v_receipt;
    end if;

    perform private.raise_error(
      'invalid_argument',
      'No charge of this user in the last year has this key: give the key of a charge_credits call.',
      '{"argument": "idempotency_key"}'
    );
  end if;

  return private.change_credits_of(
    refund_credits.user_id, 'refund', -v_charge.delta, v_charge.reason, refund_credits.idempotency_key, v_charge.id
  );
end;
$$;

create function public.refund_credits(user_id uuid, idempotency_key text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.refund_credits(user_id, idempotency_key);
end;

comment on function public.refund_credits(uuid, text) is
  'Gives back what charge_credits() took under this key, once: {balance, transaction_id, replayed}. It does not give back what a user spent by consume_credits().';

revoke all on function private.refund_credits, public.refund_credits from public, anon, authenticated, service_role;
grant execute on function private.refund_credits, public.refund_credits to service_role;

-- At commit the last ledger row must carry the balance, by whatever path it changed. An update of users.credits
-- alone, also by service_role, is refused.
create function private.require_ledgered_credits()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_credits integer;
  v_balance integer;
begin
  select u.credits
  into v_credits
  from public.users as u
  where u.id = new.id;

  select t.balance_after
  into v_balance
  from public.credit_transactions as t
  where t.user_id = new.id
  order by t.id desc
  limit 1;

  if v_credits is distinct from v_balance and v_credits is not null then
    raise exception using
      errcode = 'check_violation',
      message = 'users.credits changed without its ledger row: use grant_credits, charge_credits or refund_credits.',
      schema = 'public',
      table = 'users',
      column = 'credits',
      constraint = tg_name;
  end if;
  return null;
end;
$$;

create constraint trigger users_credits_are_ledgered
  after update of credits on public.users
  deferrable initially deferred
  for each row
  when (old.credits is distinct from new.credits)
  execute function private.require_ledgered_credits();

revoke all on function private.require_ledgered_credits from public, anon, authenticated, service_role;

-- Creates accounts for the auth users that exist already, with their opening credits. Confirmed users come first and
-- single-sign-on users last: where two share an email, the first one keeps it.
do $$
begin
  perform private.ensure_account(u.id)
  from auth.users as u
  order by u.email_confirmed_at is null and not u.is_sso_user, u.is_sso_user, u.created_at;
end;
$$;
