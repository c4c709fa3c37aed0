"""Jobs: the record of every run of a command that does work."""
