-- Rate limits: how often one user may try one thing, in a sliding window. One row for
-- each user and thing holds the times of the attempts that count; the row's lock makes
-- the count exact when many requests come at once. Ids are not referenced: an attempt
-- is also counted for a user without an account, and the sweep takes every row in time.
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
comment on column private.attempts.bucket is 'What is tried, such as read_api_key.';
comment on column private.attempts.attempted_at is 'Times of the attempts that were allowed, oldest first.';
comment on column private.attempts.expires_at is 'When the newest attempt leaves the window and the row says nothing any more.';

revoke all on private.attempts from public, anon, authenticated, service_role;
