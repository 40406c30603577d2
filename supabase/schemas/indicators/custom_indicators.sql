-- Custom indicators: Pine Script that users write themselves, a premium feature.
create table public.custom_indicators (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  name text not null,
  description text,
  category text not null,
  type text not null,
  parameters jsonb not null default '{}',
  pine_script text not null,
  is_public boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint custom_indicators_name_length check (char_length(name) <= 200 and name ~ '\S'),
  constraint custom_indicators_description_length check (char_length(description) <= 4000),
  constraint custom_indicators_category_length check (char_length(category) <= 200 and category ~ '\S'),
  constraint custom_indicators_type_known check (type in ('trend', 'entry', 'exit', 'stop_loss')),
  constraint custom_indicators_parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  constraint custom_indicators_parameters_size check (octet_length(parameters::text) <= 16384),
  constraint custom_indicators_pine_script_not_blank check (pine_script ~ '\S'),
  -- Far longer than any script that people write by hand, and small enough to read in one piece.
  constraint custom_indicators_pine_script_size check (octet_length(pine_script) <= 102400)
);

-- Leads with user_id, so it is the foreign key's index too.
create unique index custom_indicators_user_id_name_key on public.custom_indicators (user_id, lower(name));

comment on table public.custom_indicators is
  'Indicators written by users. Inserting and updating need a premium plan; reading and deleting never do.';
comment on column public.custom_indicators.name is 'Unique among the indicators of its owner, without regard to case.';
comment on column public.custom_indicators.type is 'Where it fits in a strategy: trend, entry, exit or stop_loss.';
comment on column public.custom_indicators.parameters is
  'JSON Schema of the parameters, an object of at most 16 KiB; {} declares none and accepts anything.';
comment on column public.custom_indicators.pine_script is 'The source, at most 100 KiB.';
comment on column public.custom_indicators.is_public is 'Whether everybody may read and use it, source included.';

alter table public.custom_indicators enable row level security;

create policy "visitors read public custom indicators"
  on public.custom_indicators
  for select
  to anon
  using (is_public);

create policy "users read public custom indicators and their own"
  on public.custom_indicators
  for select
  to authenticated
  using (is_public or user_id = (select private.reader_id()));

create policy "users create custom indicators of their own"
  on public.custom_indicators
  for insert
  to authenticated
  with check (user_id = (select private.reader_id()));

create policy "users change their own custom indicators"
  on public.custom_indicators
  for update
  to authenticated
  using (user_id = (select private.reader_id()))
  with check (user_id = (select private.reader_id()));

create policy "users delete their own custom indicators"
  on public.custom_indicators
  for delete
  to authenticated
  using (user_id = (select private.reader_id()));

-- Writing custom indicators needs a premium plan, for every request of a user and by whatever path it comes.
-- service_role and migrations act for the operator and have no limit. Triggers run before policies, so this looks
-- nothing up for a row that does not belong to the caller.
create function private.require_premium()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_caller uuid := private.reader_id();
  v_hidden public.custom_indicators;
begin
  -- A user who no longer pays may still hide what they published, and change nothing else.
  if tg_op = 'UPDATE' and old.is_public and not new.is_public then
    v_hidden := old;
    v_hidden.is_public := false;
    if v_hidden is not distinct from new then
      return new;
    end if;
  end if;

  -- The row of another user is refused by the policies, which run later.
  if new.user_id = v_caller and not private.is_premium(v_caller) then
    perform private.raise_error(
      'premium_required',
      'Custom indicators need a premium plan: upgrade to create or change one.'
    );
  end if;
  return new;
end;
$$;

create trigger custom_indicators_100_require_premium
  before insert or update on public.custom_indicators
  for each row
  execute function private.require_premium();

create trigger custom_indicators_lock_account
  before insert or update or delete on public.custom_indicators
  for each statement
  execute function private.lock_own_account();

-- 500: after the premium check (100), so that a user is not told to correct a schema that they may not write.
create trigger custom_indicators_500_validate_parameters
  before insert or update of parameters on public.custom_indicators
  for each row
  when (jsonb_typeof(new.parameters) = 'object')
  execute function private.check_indicator_parameters();

-- 900: the premium check (100) compares the whole row, so updated_at must not have changed before it.
create trigger custom_indicators_900_set_updated_at
  before update on public.custom_indicators
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

create trigger custom_indicators_are_limited
  after insert on public.custom_indicators
  referencing new table as added
  for each statement
  execute function private.hold_to_plan('custom indicator');

revoke all on public.custom_indicators from public, anon, authenticated, service_role;
grant select on public.custom_indicators to anon, authenticated;
grant
  insert (user_id, name, description, category, type, parameters, pine_script, is_public),
  update (name, description, category, type, parameters, pine_script, is_public),
  delete
  on public.custom_indicators
  to authenticated;
grant select, insert, update, delete on public.custom_indicators to service_role;
revoke all on function private.require_premium from public, anon, authenticated, service_role;
