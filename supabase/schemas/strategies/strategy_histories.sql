-- What the database remembers of each strategy to write its versions, one row a strategy.
--
-- A change of content marks the row; at commit, the mark is settled: the document is
-- compared with the newest version of an earlier transaction, and a version is written, or
-- not. Marks, not the changed rows, are what waits for the commit, so that a save of
-- twenty components settles once. A client that says `set constraints all immediate` gets
-- its change settled early and the next one again: the row knows which version its
-- transaction has written, and that one is rewritten.
create table private.strategy_histories (
  strategy_id uuid primary key references public.strategies (id) on delete cascade,
  changed_in xid8 not null,
  is_settled boolean not null default false,
  written_version integer,
  oldest_kept integer not null default 1
)
-- Updated twice by each change and never widened: room for that on each page.
with (fillfactor = 70);

comment on table private.strategy_histories is
  'What is known of each strategy''s newest change, for writing its version at commit.';
comment on column private.strategy_histories.changed_in is 'The transaction that last changed the content.';
comment on column private.strategy_histories.is_settled is 'Whether that change was compared, and its version written.';
comment on column private.strategy_histories.written_version is 'The version that this transaction wrote; null for none yet.';
comment on column private.strategy_histories.oldest_kept is 'Versions with a lower number were pruned.';

create function private.settle_at_commit()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.settle_strategy(new.strategy_id);
  return null;
end;
$$;

comment on function private.settle_at_commit() is
  'Constraint trigger function: settles the marked change of a strategy.';

create constraint trigger strategy_histories_settle
  after insert or update on private.strategy_histories
  deferrable initially deferred
  for each row
  when (not new.is_settled)
  execute function private.settle_at_commit();

revoke all on private.strategy_histories from public, anon, authenticated, service_role;
revoke all on function private.settle_at_commit from public, anon, authenticated, service_role;
