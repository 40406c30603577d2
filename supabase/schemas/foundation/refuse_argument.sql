-- The values that a check constraint of the form `column in ('a', 'b')` allows, in its order; null for another form.
create function private.allowed_values(constraint_name text)
returns text[]
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select array_agg(v.literal[1])
    from pg_catalog.pg_constraint as c
    cross join lateral pg_get_constraintdef(c.oid) as d (definition)
    cross join lateral regexp_matches(d.definition, '''([^'']*)''::text', 'g') as v (literal)
    where c.conname = allowed_values.constraint_name
      and c.contype = 'c'
      and d.definition like '%= ANY (ARRAY[%'
  );
end;
$$;

-- Raises invalid_argument for a value that breaks a check constraint. The constraint is the rule, and its comment is
-- what the caller reads: the name of the argument, a colon, and a sentence in which %s stands for the constraint's limit
-- or allowed values. Does nothing for a constraint without such a comment: the caller then raises Postgres's own error
-- again.
create function private.refuse_argument(constraint_name text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_values text[] := private.allowed_values(refuse_argument.constraint_name);
  v_argument text;
  v_message text;
  v_maximum integer;
  v_type text;
begin
  select
    m.parts[1],
    m.parts[2],
    (regexp_match(d.definition, '<= (\d+)'))[1]::integer,
    (regexp_match(d.definition, 'jsonb_typeof\(\w+\) = ''(\w+)'''))[1]
  into v_argument, v_message, v_maximum, v_type
  from pg_catalog.pg_constraint as c
  cross join lateral pg_get_constraintdef(c.oid) as d (definition)
  cross join lateral regexp_match(obj_description(c.oid, 'pg_constraint'), '^(\w+): (.+)$') as m (parts)
  where c.conname = refuse_argument.constraint_name
    and c.contype = 'c';

  if v_argument is not null then
    perform private.raise_error(
      'invalid_argument',
      format(v_message, coalesce(array_to_string(v_values, ', '), v_maximum::text)),
      jsonb_strip_nulls(
        jsonb_build_object('argument', v_argument, 'enum', v_values, 'maximum', v_maximum, 'type', v_type)
      )
    );
  end if;
end;
$$;

-- Refuses a value that a check constraint does not allow, for an argument that is not written to the table, such as
-- the filter of a search. The constraint lists allowed values or limits a length. Null is allowed.
create function private.check_argument(constraint_name text, value text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if check_argument.value <> all (private.allowed_values(check_argument.constraint_name))
    or char_length(check_argument.value) > (
      select (regexp_match(pg_get_constraintdef(c.oid), 'char_length\(\w+\) <= (\d+)'))[1]::integer
      from pg_catalog.pg_constraint as c
      where c.conname = check_argument.constraint_name
        and c.contype = 'c'
    )
  then
    perform private.refuse_argument(check_argument.constraint_name);
  end if;
end;
$$;

revoke all on function private.allowed_values, private.refuse_argument, private.check_argument
  from public, anon, authenticated, service_role;
