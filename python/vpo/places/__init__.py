"""Where files are: file systems, roots, and whether they are there."""
