"""Photo collections: what is in them, what is missing, and how far each image has come."""
