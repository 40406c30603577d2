-- Takes back the indicator library. Components that use it keep the names; a push afterwards
-- brings the library back and not the references.
delete from public.indicators
where id between '1d000000-0000-4000-8000-000000000001' and '1d000000-0000-4000-8000-000000000999';
