create table private.archived_credit_keys (
  user_id uuid not null references public.users (id) on delete cascade,
  key_hash bytea not null,
  request_hash bigint,
  transaction_id bigint not null,
  balance_after integer not null,
  constraint archived_credit_keys_pkey primary key (user_id, key_hash)
);

comment on table private.archived_credit_keys is
  'Idempotency keys of archived ledger rows, each with what a repeat of its request returns.';
comment on column private.archived_credit_keys.key_hash is 'private.credit_key_hash() of kind and key.';
comment on column private.archived_credit_keys.request_hash is
  'private.credit_request_hash() of amount and reason; null where the row was refunded.';

-- Half of a SHA-256, which takes less room than the key and still finds out whether the key was used.
create function private.credit_key_hash(kind text, idempotency_key text)
returns bytea
language sql
immutable
security invoker
set search_path = ''
return substring(pg_catalog.sha256(pg_catalog.convert_to(kind || ' ' || idempotency_key, 'UTF8')) from 1 for 16);

-- Distinguishes a repeat from another request under the same key.
create function private.credit_request_hash(delta integer, reason text)
returns bigint
language sql
immutable
security invoker
set search_path = ''
return pg_catalog.hashtextextended(delta::text || coalesce(' ' || reason, ''), 0);

revoke all on private.archived_credit_keys from public, anon, authenticated, service_role;
revoke all on function private.credit_key_hash, private.credit_request_hash
  from public, anon, authenticated, service_role;
