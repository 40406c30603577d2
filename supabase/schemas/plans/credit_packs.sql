-- Credit packs: credits that are sold once. Without a current price nobody can buy one.
create table public.credit_packs (
  pack_type text primary key,
  name text not null,
  credits integer not null,
  is_active boolean not null default true,
  constraint credit_packs_pack_type_form check (pack_type ~ '^[a-z][a-z0-9_]{1,31}$'),
  constraint credit_packs_name_length check (char_length(name) between 1 and 200),
  constraint credit_packs_credits_positive check (credits > 0)
);

comment on table public.credit_packs is 'Credits that are sold once, without a subscription.';
comment on column public.credit_packs.credits is 'Credits that one purchase grants.';
comment on column public.credit_packs.is_active is 'Offered; an inactive pack can still be refunded.';

alter table public.credit_packs enable row level security;

create policy "anyone reads active packs"
  on public.credit_packs
  for select
  to anon, authenticated
  using (is_active);

revoke all on public.credit_packs from public, anon, authenticated, service_role;
grant select on public.credit_packs to anon, authenticated;
grant select, insert, update, delete on public.credit_packs to service_role;
