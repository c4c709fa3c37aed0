"""Failures that end a run with a message instead of a traceback."""


class BenchError(Exception):
    """The benchmark cannot go on, or what it would time gave a wrong answer."""
