-- Creates accounts for the auth users that exist already, with their opening credits. Confirmed users come first and
-- single-sign-on users last: where two share an email, the first one keeps it.
do $$
begin
  perform private.ensure_account(u.id)
  from auth.users as u
  order by u.email_confirmed_at is null and not u.is_sso_user, u.is_sso_user, u.created_at;
end;
$$;
