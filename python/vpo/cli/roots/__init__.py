"""The `vpo roots` commands."""
