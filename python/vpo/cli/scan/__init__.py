"""The `vpo scan` command."""
