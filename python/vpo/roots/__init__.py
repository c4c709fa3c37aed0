"""Changing which roots the catalogue has: forgetting, moving and merging them."""
