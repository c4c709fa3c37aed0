"""The `vpo completion` command."""
