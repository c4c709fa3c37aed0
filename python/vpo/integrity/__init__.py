"""Whether files are what they were: content is read and held against recorded digests."""
