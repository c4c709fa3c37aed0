"""The tables of photo collections."""
