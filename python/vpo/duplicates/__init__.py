"""Duplicates: files with the same content are found, and something is done about them if told."""
