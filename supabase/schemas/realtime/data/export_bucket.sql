-- A private bucket for exports with one folder per user, named by the user's id.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'strategy-exports',
  'strategy-exports',
  false,
  10485760, -- 10 MiB
  array['application/json', 'text/csv', 'text/plain', 'image/png']
)
on conflict (id) do update
  set public = excluded.public,
      file_size_limit = excluded.file_size_limit,
      allowed_mime_types = excluded.allowed_mime_types;
