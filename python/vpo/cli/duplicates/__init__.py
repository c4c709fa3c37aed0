"""The `vpo duplicates` command."""
