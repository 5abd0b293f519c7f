"""Training a space: jointly from nothing, or one modality against a finished prompt."""
