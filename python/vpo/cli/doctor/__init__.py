"""The `vpo doctor` command."""
