"""Errors, paths, times and atomic files. Every package uses them; they use no other package."""
