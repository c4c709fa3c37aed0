"""Reads the catalogue for people: selection, listings, one file, history, status and reports."""
