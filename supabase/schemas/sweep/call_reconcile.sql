-- Once a day, reads everything of the last two days again; otherwise a user would be the first to notice an event
-- that was lost. Only edge functions have the providers' keys, so sync-subscription is called. Its address and the
-- project's secret key are two secrets in Vault. Without them, or without pg_net, this returns false, and npm run
-- billing:reconcile does the same work.
create function private.call_reconcile()
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_url text;
  v_key text;
begin
  select s.decrypted_secret into v_url from vault.decrypted_secrets as s where s.name = 'functions_url';
  select s.decrypted_secret into v_key from vault.decrypted_secrets as s where s.name = 'functions_secret_key';

  if v_url is null
    or v_key is null
    or not exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_net')
  then
    return false;
  end if;

  perform net.http_post(
    url => rtrim(v_url, '/') || '/sync-subscription',
    headers => jsonb_build_object('apikey', v_key, 'content-type', 'application/json'),
    body => jsonb_build_object(
      'since', to_char((now() - interval '2 days') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    ),
    timeout_milliseconds => 150000
  );
  return true;
end;
$$;

revoke all on function private.call_reconcile from public, anon, authenticated, service_role;
