"""Under the engine: the state of its slots, and the ways to step them (eager, compiled, captured) on its device."""
