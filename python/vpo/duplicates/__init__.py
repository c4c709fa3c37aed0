"""Duplicates: finds files with the same content, and changes them if asked to."""
