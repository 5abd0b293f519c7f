"""What a project endures: corrupted inputs, and training data that falls short."""
