"""Measures what corrupted inputs and damaged training data cost."""
