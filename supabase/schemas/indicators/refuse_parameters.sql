-- Raises invalid_parameters for a fault that parameters_fault() or parameter_schema_fault() has found.
create function private.refuse_parameters(fault jsonb, of_what text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_parameter text := refuse_parameters.fault ->> 'parameter';
  v_keyword text;
  v_bound jsonb;
begin
  select f.key, f.value
  into v_keyword, v_bound
  from jsonb_each(refuse_parameters.fault) as f
  where f.key <> 'parameter';

  perform private.raise_error(
    'invalid_parameters',
    case v_keyword
      when 'keyword' then format(
        'Correct %s in the parameter schema of %s%s.',
        v_bound #>> '{}', refuse_parameters.of_what, coalesce(format(', parameter "%s"', v_parameter), '')
      )
      when 'additionalProperties' then format('Leave out "%s": %s has no such parameter.', v_parameter, refuse_parameters.of_what)
      when 'required' then format('Give "%s": %s needs it.', v_parameter, refuse_parameters.of_what)
      when 'minimum' then format('"%s" of %s must be at least %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'maximum' then format('"%s" of %s must be at most %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'multipleOf' then format('"%s" of %s must be a multiple of %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'enum' then format('"%s" of %s must be one of %s.', v_parameter, refuse_parameters.of_what, v_bound)
      else format('"%s" of %s must be of type %s.', v_parameter, refuse_parameters.of_what, v_bound #>> '{}')
    end,
    refuse_parameters.fault
  );
end;
$$;

revoke all on function private.refuse_parameters from public, anon, authenticated, service_role;
