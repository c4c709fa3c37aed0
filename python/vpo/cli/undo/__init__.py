"""The `vpo undo` command."""
