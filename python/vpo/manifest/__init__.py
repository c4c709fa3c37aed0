"""Manifests: lists of files with digests of their content. They are written, read and checked."""
