"""Reports of results as HTML: one file that needs nothing else."""
