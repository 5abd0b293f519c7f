"""Watches whether new data is still like the old."""
