select private.allow_broadcasts();
