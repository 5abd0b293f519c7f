"""Reads pictures and documents."""
