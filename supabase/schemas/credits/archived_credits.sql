create table private.archived_credits (
  user_id uuid not null references public.users (id) on delete cascade,
  kind text not null,
  transactions bigint not null,
  delta bigint not null,
  constraint archived_credits_pkey primary key (user_id, kind)
);

comment on table private.archived_credits is
  'How many rows of each kind have left a user''s ledger, and their sum. With the rows that are there it adds up to users.credits.';

revoke all on private.archived_credits from public, anon, authenticated, service_role;
