-- Versions: the history of each strategy. Written by the database alone, so that a
-- history can be believed; read by its owner alone, so that publishing a strategy
-- does not publish what it was before.
create table public.strategy_versions (
  id uuid primary key default gen_random_uuid(),
  strategy_id uuid not null,
  version_number integer not null,
  created_at timestamptz not null default now(),
  config jsonb not null,
  notes text,
  user_id uuid not null,
  constraint strategy_versions_owner_fkey
    foreign key (user_id, strategy_id) references public.strategies (user_id, id)
    on update cascade on delete cascade,
  constraint idx_strategy_versions_strategy_id unique (strategy_id, version_number),
  constraint strategy_versions_version_number_positive check (version_number >= 1),
  constraint strategy_versions_config_is_an_object check (jsonb_typeof(config) = 'object'),
  constraint strategy_versions_notes_length check (char_length(notes) <= 4000)
);

create index strategy_versions_user_id_strategy_id_idx on public.strategy_versions (user_id, strategy_id);

comment on table public.strategy_versions is 'History of strategies: one row per committed change, read by the owner only.';
comment on column public.strategy_versions.version_number is 'From 1, without gaps from the oldest that is kept.';
comment on column public.strategy_versions.config is 'The whole strategy document of this version.';
comment on column public.strategy_versions.notes is 'What the owner said about the change.';
comment on column public.strategy_versions.user_id is 'The strategy''s owner, held equal by a composite foreign key.';

alter table public.strategy_versions enable row level security;

create policy "users read the versions of their own strategies"
  on public.strategy_versions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

revoke all on public.strategy_versions from public, anon, authenticated, service_role;
grant select on public.strategy_versions to authenticated, service_role;
