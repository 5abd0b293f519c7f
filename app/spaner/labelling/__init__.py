"""Carries labels from one modality to another."""
