"""The `vpo profiles` command."""
