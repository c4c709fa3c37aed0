"""What commands print: tables, progress, failures, sizes."""
