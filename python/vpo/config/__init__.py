"""Configuration: one model, layers over it, and errors that name file and line."""
