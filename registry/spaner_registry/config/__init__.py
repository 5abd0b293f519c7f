"""Reads plugins.yaml: typed values, every error with its place."""
