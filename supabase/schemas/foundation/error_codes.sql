-- The registry of errors, and the only list of their identifiers. Clients compare the identifier, so it is never
-- renamed. The status is the HTTP status of the Data API's answer.
create table private.error_codes (
  identifier text primary key,
  status smallint not null,
  meaning text not null,
  constraint error_codes_identifier_form check (identifier ~ '^[a-z][a-z_]{2,62}$'),
  constraint error_codes_status_is_an_http_error check (status between 400 and 599)
);

comment on table private.error_codes is
  'Registry of error identifiers. raise_error() refuses any other; ErrorCode in the package lists the same.';

revoke all on private.error_codes from public, anon, authenticated, service_role;
