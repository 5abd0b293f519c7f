"""The beginning of a plugin of one's own: `spaner plugins new NAME`."""
