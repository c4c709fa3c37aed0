"""The library: one SQLite file. All SQL of the program is in this package."""
