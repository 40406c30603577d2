-- An app calls this first, so it also creates the account where the trigger at sign-up failed to.
create function private.get_my_account()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id();
  v_account jsonb;
begin
  v_account := private.account_document(v_user_id);

  if v_account is null then
    perform private.ensure_account(v_user_id);
    v_account := private.account_document(v_user_id);
  end if;

  if v_account is null then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  return v_account;
end;
$$;

create function public.get_my_account()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.get_my_account();
end;

comment on function public.get_my_account() is
  'The signed-in user''s account: {user, plan, subscription, credits, is_premium, premium_until}.';

revoke all on function private.get_my_account, public.get_my_account from public, anon, authenticated, service_role;
grant execute on function private.get_my_account, public.get_my_account to authenticated;
