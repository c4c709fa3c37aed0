"""Scanning: what the engine sees, compared with the catalogue and recorded in it."""
