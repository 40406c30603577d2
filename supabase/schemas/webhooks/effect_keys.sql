-- The keys that parked events may be waiting for and that an effect fulfils. In plpgsql, which keeps its plan:
-- every event asks.
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

comment on function private.effect_keys(text, jsonb, uuid) is 'Keys of webhook_events.waits_for that an effect may fulfil.';

revoke all on function private.effect_keys from public, anon, authenticated, service_role;
