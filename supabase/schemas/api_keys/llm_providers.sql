-- Providers of language models: where llm-proxy may send a request, and how it presents the key there. Nothing
-- outside this table can be reached, so only the operator writes it: no API role has a privilege on it.
create table private.llm_providers (
  provider text primary key,
  name text not null,
  base_url text not null,
  auth_header text not null default 'authorization',
  auth_scheme text default 'Bearer',
  extra_headers jsonb not null default '{}',
  path_prefixes text[] not null default '{/v1/}',
  check_path text,
  credits_per_call integer not null default 1,
  is_active boolean not null default true,
  constraint llm_providers_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  constraint llm_providers_name_length check (char_length(name) between 1 and 200),
  -- No user, query or fragment. Allowed hosts and addresses are checked at each call, because the address that a
  -- name resolves to can change.
  constraint llm_providers_base_url_form check (base_url ~ '^https?://[^\s/?#@\\]+(/[^\s?#@\\]*)?$'),
  constraint llm_providers_auth_header_form check (auth_header ~ '^[A-Za-z0-9-]{1,100}$'),
  constraint llm_providers_auth_scheme_form check (auth_scheme ~ '^[A-Za-z0-9-]{0,100}$'),
  constraint llm_providers_extra_headers_are_an_object check (jsonb_typeof(extra_headers) = 'object'),
  constraint llm_providers_path_prefixes_not_empty check (cardinality(path_prefixes) > 0 and array_position(path_prefixes, null) is null),
  constraint llm_providers_credits_per_call_not_negative check (credits_per_call >= 0)
);

comment on table private.llm_providers is
  'Providers that llm-proxy can reach. An operator adds one by an insert and switches one off by is_active = false.';
comment on column private.llm_providers.base_url is
  'https://host, with a path where the API has one. http only on loopback, and only where LLM_ALLOW_LOOPBACK is set.';
comment on column private.llm_providers.auth_header is 'Header that carries the key.';
comment on column private.llm_providers.auth_scheme is 'Word before the key, such as Bearer; null where the key is sent without one.';
comment on column private.llm_providers.extra_headers is
  'Headers for every request, as an object of texts. A header of the same name in the request takes precedence.';
comment on column private.llm_providers.path_prefixes is
  'Paths below base_url that can be reached, each with everything below it: /v1/models allows itself and /v1/models/x.';
comment on column private.llm_providers.check_path is
  'Path of a cheap GET request that succeeds only with a valid key. Null where the API has none; keys are then stored unverified.';
comment on column private.llm_providers.credits_per_call is
  'Price of a call with the operator''s key, LLM_KEY_<PROVIDER> in the functions'' environment.';

revoke all on private.llm_providers from public, anon, authenticated, service_role;
