"""Whether files still have their content: reads it and compares it with recorded digests."""
