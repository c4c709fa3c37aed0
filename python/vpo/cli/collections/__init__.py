"""`vpo collections`."""
