"""Reads what a user brings: the manifest and the label texts."""
