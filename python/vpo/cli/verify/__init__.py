"""The `vpo verify` command."""
