"""Writes what a project has measured as one HTML file."""
