"""The `vpo files` command."""
