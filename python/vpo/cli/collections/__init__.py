"""The `vpo collections` commands."""
