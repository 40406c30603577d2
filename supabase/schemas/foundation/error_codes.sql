-- The registry of errors: the only list of identifiers. A client switches on the
-- identifier, so one is never renamed; the status is what the Data API answers.
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
