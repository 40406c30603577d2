insert into private.sweep_state default values;
