"""Pipelines: how the files of an image come into being, and which files are then expected."""
