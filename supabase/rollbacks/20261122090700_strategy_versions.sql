-- Takes back strategy versions. Destroys every history; the strategies stay as they are.
drop table public.strategy_versions;
