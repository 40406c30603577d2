-- The Data API passes what a user sends as bind parameters, and Postgres writes those to its log at log_statement =
-- all and beside slow statements. Without the first setting, a key that is being stored would stand in the log in
-- the clear. Open sessions keep the old setting until PostgREST replaces them, half an hour later at most. The
-- second setting does the same for statements that fail; zero is its default.
--
-- Hosted images from before November 2025 do not let postgres change log_parameter_max_length: there the push
-- succeeds with a warning.
alter role authenticator set log_parameter_max_length_on_error = 0;

do $$
begin
  alter role authenticator set log_parameter_max_length = 0;
exception
  when insufficient_privilege then
    raise warning 'This image of Supabase does not let postgres set log_parameter_max_length: upgrade the project, or its log may hold keys that are being stored.';
end;
$$;
