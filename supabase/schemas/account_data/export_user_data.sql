-- The sections of an export, in their order: every table that holds rows of a user. A test compares the list with
-- the tables that exist.
create function private.export_sections()
returns text[]
language sql
immutable
security invoker
set search_path = ''
return array[
  'users', 'credit_transactions', 'subscriptions', 'api_keys', 'api_key_events', 'indicators', 'custom_indicators',
  'strategies', 'strategy_components', 'strategy_versions', 'user_coupons', 'archived_credits', 'archived_key_events'
];

-- Returns one page of one section: at most 1,000 rows and about 2 MiB, so that no account is too large to be
-- exported. A cursor is the section and the key of the last row that was read. Each page continues after that row,
-- so rows that are added meanwhile cause no repeats and no gaps. Ciphertext is left out: it is useless to the user,
-- and valuable to somebody who has obtained the secret.
create function private.export_user_data(user_id uuid, section text, cursor text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := export_user_data.user_id;
  v_section text := coalesce(export_user_data.section, split_part(export_user_data.cursor, ':', 1), 'users');
  v_key text := substr(export_user_data.cursor, char_length(v_section) + 2);
  v_after_id uuid := '00000000-0000-0000-0000-000000000000';
  v_after_number bigint := 0;
  v_after_text text := '';
  v_source refcursor;
  v_row jsonb;
  v_rows jsonb[] := '{}';
  v_bytes integer := 0;
  v_last_key text;
  v_next_cursor text;
begin
  if v_user_id is null then
    perform private.raise_error(
      'invalid_argument', 'Give the id of the user whose data is exported.', '{"argument": "user_id"}'
    );
  elsif not exists (select from public.users as u where u.id = v_user_id) then
    perform private.raise_error('user_not_found', 'No account has this id.');
  end if;

  if export_user_data.cursor is not null then
    if v_section in ('credit_transactions', 'api_key_events') and v_key ~ '^\d{1,18}$' then
      v_after_number := v_key::bigint;
    elsif v_section = 'strategy_versions' and v_key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{1,9}$' then
      v_after_id := split_part(v_key, ':', 1)::uuid;
      v_after_number := split_part(v_key, ':', 2)::bigint;
    elsif v_section = 'archived_key_events' and v_key ~ '^[a-z0-9_-]{2,32}:[a-z_]+$' then
      v_after_text := v_key;
    elsif v_section not in (
        'credit_transactions', 'api_key_events', 'strategy_versions', 'archived_credits', 'archived_key_events'
      )
      and v_key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    then
      v_after_id := v_key::uuid;
    else
      v_key := null;
    end if;
    if v_key is null or not starts_with(export_user_data.cursor, v_section || ':') then
      perform private.raise_error(
        'invalid_argument', 'Give the next_cursor of an earlier page of the same section, or no cursor.',
        '{"argument": "cursor"}'
      );
    end if;
  end if;

  case v_section
    when 'users' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.users as t
        where t.id = v_user_id and t.id > v_after_id;
    when 'credit_transactions' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.credit_transactions as t
        where t.user_id = v_user_id and t.id > v_after_number
        order by t.id
        limit 1001;
    when 'subscriptions' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.subscriptions as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'api_keys' then
      open v_source for
        select to_jsonb(t) - 'key_encrypted', t.id::text
        from public.api_keys as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'api_key_events' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.api_key_events as t
        where t.user_id = v_user_id and t.id > v_after_number
        order by t.id
        limit 1001;
    when 'indicators' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.indicators as t
        where t.created_by = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'custom_indicators' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.custom_indicators as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'strategies' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.strategies as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'strategy_components' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.strategy_components as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'strategy_versions' then
      open v_source for
        select to_jsonb(t), t.strategy_id || ':' || t.version_number
        from public.strategy_versions as t
        where t.user_id = v_user_id and (t.strategy_id, t.version_number) > (v_after_id, v_after_number)
        order by t.strategy_id, t.version_number
        limit 1001;
    when 'user_coupons' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.user_coupons as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'archived_credits' then
      -- One row for each kind of movement: never more than a page.
      open v_source for
        select to_jsonb(t), t.kind
        from private.archived_credits as t
        where t.user_id = v_user_id
        order by t.kind;
    when 'archived_key_events' then
      open v_source for
        select to_jsonb(t), k.place
        from private.archived_key_events as t
        cross join lateral (select t.provider || ':' || t.action collate "C") as k (place)
        where t.user_id = v_user_id and k.place > v_after_text
        order by k.place
        limit 1001;
    else
      perform private.raise_error(
        'invalid_argument', 'Give one of the sections that the first page names.',
        jsonb_build_object('argument', 'section', 'enum', private.export_sections())
      );
  end case;

  loop
    fetch v_source into v_row, v_key;
    exit when not found;
    if cardinality(v_rows) = 1000 or v_bytes > 2097152 then
      v_next_cursor := v_section || ':' || v_last_key;
      exit;
    end if;
    v_rows := v_rows || v_row;
    v_bytes := v_bytes + octet_length(v_row::text);
    v_last_key := v_key;
  end loop;
  close v_source;

  return jsonb_build_object(
    'sections', private.export_sections(),
    'section', v_section,
    'rows', to_jsonb(v_rows),
    'next_cursor', v_next_cursor
  );
end;
$$;

create function public.export_user_data(user_id uuid, section text default null, cursor text default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.export_user_data(user_id, section, cursor);
end;

comment on function public.export_user_data(uuid, text, text) is
  'A page of one user''s rows: {sections, section, rows, next_cursor}; without ciphertext. Read each section until next_cursor is null.';

revoke all on function private.export_sections, private.export_user_data, public.export_user_data
  from public, anon, authenticated, service_role;
grant execute on function private.export_user_data, public.export_user_data to service_role;
