"""Holds the embedded data, and writes them as ordinary files."""
