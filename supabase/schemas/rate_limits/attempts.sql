-- Rate limits: how often one user may attempt one action in a sliding window. One row per user and action holds the
-- times of the attempts that count, and its lock makes the count exact when many requests come at once. user_id has
-- no foreign key: attempts are also counted for a user without an account, and the sweep deletes every row in time.
create table private.attempts (
  user_id uuid not null,
  bucket text not null,
  attempted_at timestamptz[] not null default '{}',
  expires_at timestamptz not null,
  constraint attempts_pkey primary key (user_id, bucket),
  constraint attempts_bucket_form check (bucket ~ '^[a-z][a-z_]{1,62}$')
);

comment on table private.attempts is
  'Attempts within their sliding window, one row per user and bucket. Written by take_attempt(), emptied by sweep_attempts().';
comment on column private.attempts.bucket is 'Name of the action, such as read_api_key.';
comment on column private.attempts.attempted_at is 'Times of the attempts that were allowed, oldest first.';
comment on column private.attempts.expires_at is 'When the newest attempt leaves the window; the row can be deleted then.';

revoke all on private.attempts from public, anon, authenticated, service_role;
