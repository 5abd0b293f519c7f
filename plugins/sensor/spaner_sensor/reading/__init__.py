"""Reads series from files, arrays and data frames."""
