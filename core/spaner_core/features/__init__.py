"""Extracts what frozen encoders give, and keeps it."""
