"""The `vpo pipelines` commands."""
