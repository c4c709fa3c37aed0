"""vpo keeps the catalogue of large media libraries."""

__version__ = "0.1.0"
