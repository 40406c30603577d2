-- What a person must decide, because no rule can. Parked and failed events are not repeated here.
create table private.billing_flags (
  id bigint generated always as identity primary key,
  kind text not null,
  provider text not null default '',
  reference text not null,
  user_id uuid,
  reason text not null,
  since timestamptz not null default now(),
  resolved_at timestamptz,
  constraint billing_flags_once unique (kind, provider, reference),
  constraint billing_flags_kind_known check (
    kind in (
      'refund', 'dispute', 'second_subscription', 'paypal_not_believed', 'money_without_account',
      'credits_not_taken', 'credits_overflow', 'sweep_failure', 'ledger_disagreement', 'other_mode'
    )
  )
);

create index billing_flags_open_idx on private.billing_flags (since, id) where resolved_at is null;

create index billing_flags_user_id_idx on private.billing_flags (user_id);

comment on table private.billing_flags is 'What a person must look at and decide.';
comment on column private.billing_flags.reference is 'The id, at the provider or here, of what the flag is about.';
comment on column private.billing_flags.user_id is 'Not a foreign key: a flag about a deleted user stays.';

revoke all on private.billing_flags from public, anon, authenticated, service_role;
