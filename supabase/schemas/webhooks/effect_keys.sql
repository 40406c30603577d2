-- Returns the keys of webhook_events.waits_for that an effect may fulfil. It is in plpgsql, which keeps its plan,
-- because it runs for every event.
create function private.effect_keys(provider text, effect jsonb, user_id uuid)
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return array_remove(
    array[
      'customer:' || coalesce(
        effect ->> 'customer_id', effect -> 'snapshot' ->> 'customer_id', effect -> 'purchase' ->> 'customer_id',
        effect -> 'snapshots' -> 0 ->> 'customer_id'
      ),
      'object:' || coalesce(effect -> 'snapshot' ->> 'id', effect -> 'purchase' ->> 'session_id', effect ->> 'session_id'),
      'user:' || effect_keys.user_id
    ],
    null
  );
end;
$$;

revoke all on function private.effect_keys from public, anon, authenticated, service_role;
