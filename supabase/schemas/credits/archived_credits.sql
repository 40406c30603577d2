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
