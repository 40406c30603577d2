-- Marks an item as seen by a person: a flag becomes resolved, an event ignored. An item that is computed at every
-- read, such as a silent webhook or a revoked subscription, disappears only with its cause.
create function private.dismiss_billing_attention(kind text, provider text, reference text, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_dismissed boolean;
begin
  if dismiss_billing_attention.kind in ('parked_event', 'failed_event', 'abandoned_event') then
    update private.webhook_events as e
    set status = 'ignored',
        error = left('Dismissed by a person. ' || coalesce(e.error, ''), 1000),
        effect = null,
        settled_at = dismiss_billing_attention.as_of
    where e.provider = dismiss_billing_attention.provider
      and e.event_id = dismiss_billing_attention.reference
      and e.status = replace(dismiss_billing_attention.kind, '_event', '');
  else
    update private.billing_flags as f
    set resolved_at = dismiss_billing_attention.as_of
    where f.kind = dismiss_billing_attention.kind
      and f.provider = coalesce(dismiss_billing_attention.provider, '')
      and f.reference = dismiss_billing_attention.reference
      and f.resolved_at is null;
  end if;

  v_dismissed := found;
  return jsonb_build_object('dismissed', v_dismissed);
end;
$$;

create function public.dismiss_billing_attention(kind text, provider text, reference text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.dismiss_billing_attention(kind, provider, reference, now());
end;

comment on function public.dismiss_billing_attention(text, text, text) is
  'Marks one item of billing_attention() as seen, so that it is not listed again: {dismissed}. An item whose cause lasts is not dismissed.';

revoke all on function private.dismiss_billing_attention, public.dismiss_billing_attention
  from public, anon, authenticated, service_role;
grant execute on function private.dismiss_billing_attention, public.dismiss_billing_attention to service_role;
