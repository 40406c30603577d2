-- The Data API passes what a user sends as bind parameters, and Postgres writes those to
-- its log at log_statement = all and beside slow statements. With this it does not: a key
-- that is being stored would otherwise stand there in the clear. Sessions that are open
-- already go on without it until PostgREST replaces them, half an hour later at most. The
-- second is for refused statements; zero is its default, which must not be changed here.
-- Hosted images from before November 2025 do not let postgres set the first: there the push goes through and warns.
alter role authenticator set log_parameter_max_length_on_error = 0;

do $$
begin
  alter role authenticator set log_parameter_max_length = 0;
exception
  when insufficient_privilege then
    raise warning 'This image of Supabase does not let postgres set log_parameter_max_length: upgrade the project, or its log may hold keys that are being stored.';
end;
$$;
