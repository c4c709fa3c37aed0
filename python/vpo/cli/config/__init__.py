"""The `vpo config` command."""
