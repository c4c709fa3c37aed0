"""Configuration: one model, settings in layers, and mistakes with file and line."""
