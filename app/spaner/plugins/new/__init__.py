"""Writes the beginning of a plugin: `spaner plugins new NAME`."""
