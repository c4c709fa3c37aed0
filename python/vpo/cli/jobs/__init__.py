"""The `vpo jobs` command."""
