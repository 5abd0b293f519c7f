"""Trains a space, or one more modality against a finished prompt."""
