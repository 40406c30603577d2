-- Finds the user of a provider's customer. A link in billing_customers decides; only where there is none, metadata
-- that we wrote may create it. Where the user is unknown, user_id is null and the outcome is parked or ignored, with
-- the reason and what the event waits for.
create function private.billing_user(
  provider text,
  customer_id text,
  claimed_user_id uuid,
  out user_id uuid,
  out outcome text,
  out reason text,
  out waits_for text
)
returns record
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  select c.user_id
  into billing_user.user_id
  from private.billing_customers as c
  where c.provider = billing_user.provider
    and c.customer_id = billing_user.customer_id;

  if billing_user.user_id is not null then
    if billing_user.claimed_user_id <> billing_user.user_id then
      billing_user.user_id := null;
      outcome := 'parked';
      reason := 'The metadata names another user than the one this customer is linked to.';
      waits_for := 'customer:' || billing_user.customer_id;
    end if;
    return;
  end if;

  if private.is_deleted_user(billing_user.claimed_user_id)
    or exists (
      select
      from private.deleted_customers as d
      where d.provider = billing_user.provider
        and d.customer_id = billing_user.customer_id
    )
  then
    outcome := 'ignored';
    reason := 'The user has deleted the account.';
    waits_for := 'deleted';
    return;
  end if;

  outcome := 'parked';
  waits_for := 'customer:' || left(billing_user.customer_id, 255);

  if billing_user.customer_id is null or char_length(billing_user.customer_id) not between 1 and 255 then
    reason := 'The customer''s id cannot be stored: it has 1 to 255 characters.';
  elsif billing_user.claimed_user_id is null then
    reason := 'No user is linked to this customer.';
  else
    insert into private.billing_customers (provider, customer_id, user_id)
    select billing_user.provider, billing_user.customer_id, u.id
    from public.users as u
    where u.id = billing_user.claimed_user_id
    on conflict do nothing;

    select c.user_id
    into billing_user.user_id
    from private.billing_customers as c
    where c.provider = billing_user.provider
      and c.customer_id = billing_user.customer_id;

    if billing_user.user_id = billing_user.claimed_user_id then
      outcome := null;
      waits_for := null;
    elsif exists (select from public.users as u where u.id = billing_user.claimed_user_id) then
      billing_user.user_id := null;
      reason := 'The metadata names a user who has another customer.';
    else
      reason := 'The metadata names a user who has no account.';
      waits_for := 'user:' || billing_user.claimed_user_id;
    end if;
  end if;
end;
$$;

revoke all on function private.billing_user from public, anon, authenticated, service_role;
