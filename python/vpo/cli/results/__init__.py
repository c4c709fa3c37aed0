"""The `vpo results` command."""
