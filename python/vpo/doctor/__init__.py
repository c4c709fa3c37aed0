"""Checks of the installation: what is wrong and what to do."""
