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
