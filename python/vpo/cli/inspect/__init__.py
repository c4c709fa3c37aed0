"""The `vpo inspect` command."""
