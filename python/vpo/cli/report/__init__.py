"""The `vpo report` command."""
