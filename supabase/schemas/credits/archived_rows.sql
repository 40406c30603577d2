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
