-- API keys: the users' own language-model keys, encrypted, one per provider. Their owner can read that a key exists
-- and its last four characters, never the ciphertext: what cannot be read cannot be copied and attacked elsewhere.
create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  key_encrypted text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_used timestamptz,
  key_hint text not null,
  secret_version integer not null,
  verified_at timestamptz,
  rejected_at timestamptz,
  constraint api_keys_one_per_provider unique (user_id, provider),
  constraint api_keys_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  -- A key of 512 characters takes some 770 in the envelope; the rest is room for another format.
  constraint api_keys_key_encrypted_length check (char_length(key_encrypted) between 1 and 4096),
  constraint api_keys_key_hint_length check (char_length(key_hint) between 1 and 4),
  constraint api_keys_secret_version_positive check (secret_version > 0)
);

comment on table public.api_keys is
  'Encrypted language-model keys, one row per user and provider. Written and read by functions only.';
comment on column public.api_keys.provider is 'Lower-case name of the language-model provider, such as openai.';
comment on column public.api_keys.key_encrypted is 'The ciphertext, bound to user, provider and secret version. No client may select it.';
comment on column public.api_keys.key_hint is 'The last four characters, by which its owner recognises the key.';
comment on column public.api_keys.secret_version is 'Version of the Vault secret that decrypts the row.';
comment on column public.api_keys.last_used is 'When the key was last read from its row.';
comment on column public.api_keys.verified_at is 'When the provider last confirmed that it accepts the key; null where the provider was never asked or did not answer.';
comment on column public.api_keys.rejected_at is 'When the provider began to refuse the key (401 or 403); null while it accepts it.';

create index api_keys_secret_version_idx on public.api_keys (secret_version, id);

alter table public.api_keys enable row level security;

create policy "users read their own api keys"
  on public.api_keys
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "users delete their own api keys"
  on public.api_keys
  for delete
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.api_keys
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create policy "keys are deleted by a session with the second factor alone"
  on public.api_keys
  as restrictive
  for delete
  to authenticated
  using ((select private.session_is_strong()));

-- Reading a key changes last_used only, so updated_at stays.
create trigger api_keys_set_updated_at
  before update of user_id, provider, key_encrypted, key_hint, secret_version on public.api_keys
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

-- The same guarantee as hold_current_api_key_secret() gives, for rows that are written without the functions: the
-- secret of a row exists, and is not dropped before the row is committed.
create function private.require_api_key_secret()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('api_key_secret'), new.secret_version);

  if not exists (
    select
    from vault.secrets as s
    where s.name = private.api_key_secret_name(new.secret_version)
  ) then
    perform private.raise_error(
      'secret_not_configured',
      'Vault has no secret of this version. Store the key by store_api_key.',
      jsonb_build_object('version', new.secret_version)
    );
  end if;
  return new;
end;
$$;

create trigger api_keys_require_secret
  before insert or update of secret_version on public.api_keys
  for each row
  execute function private.require_api_key_secret();

-- Writes every deletion of a key to the audit trail, except the cascade from a deleted user, whose trail is deleted
-- too.
create function private.record_deleted_api_key()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.api_key_events (user_id, provider, action)
  select old.user_id, old.provider, 'deleted'
  from public.users as u
  where u.id = old.user_id;
  return null;
end;
$$;

create trigger api_keys_record_deletion
  after delete on public.api_keys
  for each row
  execute function private.record_deleted_api_key();

revoke all on public.api_keys from public, anon, authenticated, service_role;
grant select (
    id, user_id, provider, created_at, updated_at, last_used, key_hint, secret_version, verified_at, rejected_at
  ), delete
  on public.api_keys
  to authenticated;
grant select, insert, update, delete on public.api_keys to service_role;
revoke all on function private.require_api_key_secret, private.record_deleted_api_key
  from public, anon, authenticated, service_role;
