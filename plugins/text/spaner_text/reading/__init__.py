"""Reads texts."""
