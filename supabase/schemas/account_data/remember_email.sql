-- Records that an account has had this email.
create function private.remember_email(user_id uuid, email text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.account_emails (user_id, email_hash)
  select remember_email.user_id, h.email_hash
  from private.hash_email(remember_email.email) as h (email_hash)
  where h.email_hash is not null
  on conflict on constraint account_emails_pkey do nothing;
end;
$$;

revoke all on function private.remember_email from public, anon, authenticated, service_role;
