"""Manifests: lists of files with the digests of their content, written, read and checked."""
