"""Which files belong together, from their names and their content; pure functions, no AWS."""
