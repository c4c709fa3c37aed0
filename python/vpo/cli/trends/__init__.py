"""The `vpo trends` command."""
