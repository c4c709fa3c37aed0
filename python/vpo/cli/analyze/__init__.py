"""`vpo analyze`."""
