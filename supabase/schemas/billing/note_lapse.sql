-- Starts or ends a time in which the status of a subscription entitles to nothing. It ends when the debt was paid,
-- which may be before we received the event.
create function private.note_lapse(subscription_id uuid, has_lapsed boolean, status_at timestamptz, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if note_lapse.has_lapsed then
    insert into private.entitlement_lapses (subscription_id, cause, lapsed_from)
    values (note_lapse.subscription_id, 'status', coalesce(note_lapse.status_at, note_lapse.as_of))
    on conflict do nothing;
  else
    update private.entitlement_lapses as l
    set lapsed_until = greatest(
      l.lapsed_from,
      coalesce(
        note_lapse.status_at,
        (
          select max(p.paid_at)
          from private.payments as p
          where p.subscription_id = note_lapse.subscription_id
            and p.paid_at >= l.lapsed_from
            and p.paid_at <= note_lapse.as_of
        ),
        note_lapse.as_of
      )
    )
    where l.subscription_id = note_lapse.subscription_id
      and l.cause = 'status'
      and l.lapsed_until is null;
  end if;
end;
$$;

revoke all on function private.note_lapse from public, anon, authenticated, service_role;
