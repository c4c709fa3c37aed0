"""Errors, paths, times and atomic files: what every part uses and what knows of no other part."""
