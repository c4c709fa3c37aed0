"""The `vpo status` command."""
