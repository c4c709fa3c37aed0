"""Media: the programs that read and change it."""
