"""The `vpo collections settings` commands."""
