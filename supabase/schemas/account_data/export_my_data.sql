-- Ten exports a day are more than anybody needs, and few enough that nobody keeps the database busy with them. The
-- first page of each section counts, so an export that leaves sections out is counted too.
create function private.export_my_data(section text, cursor text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
  v_section text := coalesce(export_my_data.section, 'users');
  v_wait integer;
begin
  if not exists (select from public.users as u where u.id = v_user_id) then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  if export_my_data.cursor is null and v_section = any (private.export_sections()) then
    v_wait := private.take_attempt('export_' || v_section, v_user_id, 10, interval '1 day');
    if v_wait is not null then
      perform private.raise_error(
        'rate_limited', 'Your data can be exported ten times a day. Wait before the next export.',
        jsonb_build_object('retry_after', v_wait)
      );
    end if;
  end if;

  return private.export_user_data(v_user_id, export_my_data.section, export_my_data.cursor);
end;
$$;

create function public.export_my_data(section text default null, cursor text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.export_my_data(section, cursor);
end;

comment on function public.export_my_data(text, text) is
  'A page of the signed-in user''s rows: {sections, section, rows, next_cursor}; without ciphertext. Read each section until next_cursor is null. Ten exports a day.';

revoke all on function private.export_my_data, public.export_my_data from public, anon, authenticated, service_role;
grant execute on function private.export_my_data, public.export_my_data to authenticated;
