-- The archive: what is left of rows that are older than a year. A user's movements become one sum for each
-- kind, so that the archived sums and the ledger together are still the balance; those with a key leave
-- behind what a repeat is answered with.
create table private.archived_rows (
  user_id uuid not null references public.users (id) on delete cascade,
  source text not null,
  last_id bigint not null,
  constraint archived_rows_pkey primary key (user_id, source),
  constraint archived_rows_source_known check (source in ('credit_transactions', 'api_key_events'))
);

comment on table private.archived_rows is
  'Up to which id the rows of a user in an append-only table are in the archive.';

revoke all on private.archived_rows from public, anon, authenticated, service_role;
