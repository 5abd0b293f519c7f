"""Measures a space, and shows what it has learned."""
